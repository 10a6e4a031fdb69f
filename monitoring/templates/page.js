/* What the pages of a report do beyond being read: charts, tables that sort and filter, the theme
   and the what-if. Every page is whole without it. Labels enter as text, never as markup. */
"use strict";

function make(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/* Charts */

const NARROW = 380;
const CHART_STYLE = {
  aria: false,  // the chart's own label says what it shows
  background: "transparent",
  font: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
  padding: { left: 2, right: 8, top: 6, bottom: 2 },
  axis: {
    domainColor: "var(--strong-line)", gridColor: "var(--line)", tickColor: "var(--strong-line)",
    labelColor: "var(--soft)", titleColor: "var(--soft)", labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 500, labelOverlap: "parity", labelFlush: true, tickSize: 4, titlePadding: 8,
    labelLimit: 260,
  },
  axisX: { grid: false, labelFlush: true },
  axisY: { domain: false, ticks: false, tickCount: 5 },
  legend: {
    labelColor: "var(--ink)", titleColor: "var(--soft)", labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 500, orient: "top", symbolStrokeWidth: 2, symbolOpacity: 1,
  },
  header: { labelColor: "var(--ink)", titleColor: "var(--soft)", labelFontSize: 12 },
  title: { color: "var(--ink)", fontSize: 13, fontWeight: 600, anchor: "start" },
  view: { stroke: null },
  text: { color: "var(--ink)", fontSize: 12 },
  rule: { color: "var(--reference)" },
  line: { color: "var(--accent)", strokeWidth: 2 },
  point: { color: "var(--accent)", filled: true, size: 50 },
  area: { color: "var(--accent-soft)" },
  bar: { color: "var(--accent)" },
  range: {
    category: ["var(--accent)", "var(--warn)", "var(--third)", "var(--good)", "var(--soft)"],
  },
};

/* On a phone a legend stands in one column, or its last names would be cut off. */
function styleFor(chart) {
  if (chart.clientWidth >= NARROW) return CHART_STYLE;
  const { axis, legend } = CHART_STYLE;
  return {
    ...CHART_STYLE, axis: { ...axis, labelLimit: 110 }, legend: { ...legend, columns: 1 },
  };
}

const views = new Map();

async function drawChart(chart) {
  const spec = JSON.parse(chart.querySelector("script").textContent);
  const place = make("div", { class: "drawing", "aria-hidden": "true" });
  chart.append(place);
  try {
    const drawn = await window.vegaEmbed(place, spec, {
      mode: "vega-lite", ast: true, actions: false, renderer: "svg", defaultStyle: false,
      config: styleFor(chart), tooltip: { theme: "custom", disableDefaultStyle: true },
    });
    views.set(chart, drawn.view);
    chart.querySelector(".undrawn")?.remove();
  } catch (error) {
    place.remove();
    console.error(`chart: ${error.message}`);
  }
}

const drawCharts = () => Promise.all(Array.from(document.querySelectorAll(".chart"), drawChart));

/* Colours: as the system says, or as the reader chose; kept where the browser keeps things. */

const THEMES = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]];

function keptTheme() {
  try { return window.localStorage.getItem("theme"); } catch { return null; }
}

function applyTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function offerThemes() {
  const choice = make("select", { id: "theme" });
  for (const [theme, name] of THEMES) choice.append(make("option", { value: theme }, name));
  choice.value = document.documentElement.dataset.theme ?? "system";
  choice.addEventListener("change", () => {
    applyTheme(choice.value);
    try { window.localStorage.setItem("theme", choice.value); } catch { /* for this page only */ }
  });
  const place = make("div", { class: "theme" });
  place.append(make("label", { for: "theme" }, "Colours"), choice);
  document.querySelector(".masthead")?.append(place);
}

/* Tables that sort: a heading becomes a button. Cells sort by data-value, else by their text; a
   cell that spans several columns, which says why there is no figure, sorts last. */

function valueAt(row, column) {
  let place = 0;
  for (const cell of row.cells) {
    if (column < place + cell.colSpan) {
      if (cell.colSpan > 1) return null;
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      return cell.textContent.trim();
    }
    place += cell.colSpan;
  }
  return null;
}

function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortRows(table, column, descending) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, value: valueAt(row, column) }));
  rows.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    return descending ? compareValues(b.value, a.value) : compareValues(a.value, b.value);
  });
  body.append(...rows.map(({ row }) => row));
}

function makeSortable(table) {
  const headings = Array.from(table.tHead?.rows ?? []).at(-1)?.cells ?? [];
  let place = 0;
  for (const heading of headings) {
    const column = place;
    place += heading.colSpan;
    if (heading.querySelector("svg") || "plain" in heading.dataset) continue;
    const button = make("button", { type: "button", class: "sort" });
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const numbers = heading.classList.contains("n");
      const sorted = heading.getAttribute("aria-sort");
      const descending = sorted === null ? numbers : sorted === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(table, column, descending);
    });
  }
}

/* Tables with a filter: rows that hold all words stay. */

function makeFiltered(table, number) {
  const id = `filter-${number}`;
  const box = make("input", { type: "search", id, autocomplete: "off" });
  const told = make("span", { role: "status", class: "shown" });
  const place = make("p", { class: "filter" });
  place.append(make("label", { for: id }, table.dataset.filter), box, told);
  (table.closest(".wide") ?? table).before(place);
  const rows = Array.from(table.tBodies[0].rows);
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    told.textContent = words.length ? `${shown} of ${rows.length} shown` : "";
  });
}

/* The what-if: figures between the rows that were worked out, on straight lines. */

const COLUMNS = ["audits", "errors_found", "half_width_day", "half_width_period", "change_seen"];

const points = (share) => `${(100 * share).toFixed(share >= 0.001 ? 1 : 2)} pt`;
const counted = (number) =>
  number.toLocaleString("en", { maximumFractionDigits: Math.abs(number) < 10 ? 1 : 0 });
const inWords = (name, value) =>
  name === "audits" || name === "errors_found" ? counted(value) : `± ${points(value)}`.replace(
    name === "change_seen" ? "± " : "", "");

/* Where a value lies among sorted places: the two around it, and how far between them. */
function around(places, value) {
  const next = places.findIndex((place) => place >= value);
  if (next === 0 || places.length === 1) return [0, 0, 0];
  if (next < 0) return [places.length - 1, places.length - 1, 0];
  const [low, high] = [places[next - 1], places[next]];
  return [next - 1, next, (value - low) / (high - low)];
}

const mix = (a, b, part) => a.map((value, column) => value + part * (b[column] - value));

function readRows(rows) {
  const byRatio = new Map();
  for (const [ratio, capacity, ...figures] of rows) {
    if (!byRatio.has(ratio)) byRatio.set(ratio, []);
    byRatio.get(ratio).push({ capacity, figures: figures.slice(0, COLUMNS.length) });
  }
  const ratios = Array.from(byRatio.keys()).sort((a, b) => a - b);
  for (const each of byRatio.values()) each.sort((a, b) => a.capacity - b.capacity);
  const atRatio = (ratio, capacity) => {
    const table = byRatio.get(ratio);
    const [low, high, part] = around(table.map((row) => row.capacity), capacity);
    return mix(table[low].figures, table[high].figures, part);
  };
  return {
    ratios,
    drawn: (name) => ratios.flatMap((ratio) => byRatio.get(ratio).map((row) => (
      { ratio, capacity: row.capacity, [name]: row.figures[COLUMNS.indexOf(name)] }))),
    at: ({ ratio, capacity }) => {
      const [low, high, part] = around(ratios, ratio);
      const figures = mix(atRatio(ratios[low], capacity), atRatio(ratios[high], capacity), part);
      return Object.fromEntries(COLUMNS.map((name, column) => [name, figures[column]]));
    },
  };
}

function dialInWords(dials, ratio) {
  const exact = dials.find((dial) => Math.abs(dial.ratio - ratio) < 0.005);
  if (exact) return `${exact.name} (${ratio.toFixed(2)})`;
  const below = dials.filter((dial) => dial.ratio < ratio).at(-1);
  const above = dials.find((dial) => dial.ratio > ratio);
  return `between ${below?.name} and ${above?.name} (${ratio.toFixed(2)})`;
}

function startWhatIf(section) {
  const told = JSON.parse(section.querySelector(".what-if-rows").textContent);
  const { now, dials, unit } = told;
  const scopes = Object.fromEntries(
    Object.entries(told.scopes).map(([name, rows]) => [name, readRows(rows)]));
  const [scope, dial, capacity] = ["scope", "dial", "capacity"].map((id) =>
    section.querySelector(`#${id}`));
  const capacities = told.scopes.all.map((row) => row[1]);
  const [least, most] = [Math.min(...capacities), Math.max(...capacities)];
  const whole = most - least > 40;
  Object.assign(dial, { min: dials[0].ratio, max: dials.at(-1).ratio, step: 0.05 });
  Object.assign(capacity, {
    min: whole ? Math.ceil(least) : least, max: whole ? Math.floor(most) : most,
    step: whole ? 1 : (most - least) / 100 || 1,
  });
  const ends = capacity.parentElement.querySelectorAll(".ends span");
  [ends[0].textContent, ends[1].textContent] = [counted(least), counted(most)];
  let chosen = { ...now };
  let waiting = 0;

  function draw(rows) {
    const names = Object.fromEntries(dials.map((each) => [each.ratio, each.name]));
    for (const [chart, view] of views) {
      if (!section.contains(chart)) continue;
      const name = chart === section.querySelector(".chart") ? "errors_found" : "half_width_period";
      const point = (place) => [{ capacity: place.capacity, [name]: rows.at(place)[name] }];
      const lines = rows.drawn(name).map((row) => ({ ...row, dial: names[row.ratio] }));
      view.data("rows", lines).data("now", point(now)).data("chosen", point(chosen)).runAsync();
    }
  }

  function show() {
    const rows = scopes[scope.value];
    const [figures, before] = [rows.at(chosen), rows.at(now)];
    for (const place of section.querySelectorAll("[data-of]")) {
      const name = place.dataset.of;
      place.textContent = inWords(name, figures[name]);
      const same = inWords(name, before[name]) === place.textContent;
      place.nextElementSibling.textContent = same ? "as now" : `now ${inWords(name, before[name])}`;
    }
    const words = dialInWords(dials, chosen.ratio);
    section.querySelector("#dial-told").textContent = words;
    section.querySelector("#capacity-told").textContent = counted(chosen.capacity);
    dial.setAttribute("aria-valuetext", words);
    capacity.setAttribute("aria-valuetext", `${counted(chosen.capacity)} ${unit} a day`);
    draw(rows);
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      section.querySelector("[role=status]").textContent =
        `${inWords("errors_found", figures.errors_found)} errors found a day, ` +
        `${inWords("half_width_period", figures.half_width_period)} of a period's figure`;
    }, 600);
  }

  function goBack() {
    chosen = { ...now };
    [dial.value, capacity.value, scope.value] = [now.ratio, now.capacity, "all"];
    show();
  }

  dial.addEventListener("input", () => { chosen.ratio = Number(dial.value); show(); });
  capacity.addEventListener("input", () => { chosen.capacity = Number(capacity.value); show(); });
  scope.addEventListener("change", show);
  section.querySelector("form").addEventListener("reset", (event) => {
    event.preventDefault();
    goBack();
  });
  goBack();
  return show;
}

/* A print shows all: what is folded is opened, what is filtered away comes back. */

function expandForPrint() {
  const folded = Array.from(document.querySelectorAll("details:not([open])"));
  const hidden = Array.from(document.querySelectorAll("tbody tr[hidden]"));
  for (const each of folded) each.open = true;
  for (const row of hidden) row.hidden = false;
  window.addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
    for (const row of hidden) row.hidden = true;
  }, { once: true });
}

applyTheme(keptTheme());
window.addEventListener("beforeprint", expandForPrint);
document.addEventListener("DOMContentLoaded", async () => {
  offerThemes();
  for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
  document.querySelectorAll("table[data-filter]").forEach(makeFiltered);
  const whatIf = document.querySelector(".what-if");
  if (whatIf) whatIf.hidden = false;
  const show = whatIf ? startWhatIf(whatIf) : () => {};
  if (window.vegaEmbed) await drawCharts();
  show();
});
