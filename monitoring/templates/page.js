/* What the pages of a report do beyond being read: charts, tables that sort and filter, the theme,
   the print. Every page is whole without it. Labels enter as text, never as markup. */
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

async function start() {
  offerThemes();
  for (const place of document.querySelectorAll("[data-scripted]")) place.hidden = false;
  for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
  document.querySelectorAll("table[data-filter]").forEach(makeFiltered);
  if (window.vegaEmbed) await drawCharts();
}

applyTheme(keptTheme());
window.addEventListener("beforeprint", expandForPrint);
const started = new Promise((resolve) => {
  document.addEventListener("DOMContentLoaded", () => resolve(start()));
});
