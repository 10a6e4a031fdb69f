/* The what-if of the page of the plan: figures between the rows that were worked out, on straight
   lines, by capacity and by the dial's ratio. It moves the two charts that page.js has drawn. */
"use strict";

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
}

started.then(() => startWhatIf(document.querySelector(".what-if")));
