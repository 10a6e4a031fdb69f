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

const CHART_STYLE = {
  background: "transparent",
  font: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
  padding: { left: 2, right: 8, top: 6, bottom: 2 },
  axis: {
    domainColor: "var(--strong-line)", gridColor: "var(--line)", tickColor: "var(--strong-line)",
    labelColor: "var(--soft)", titleColor: "var(--soft)", labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 500, labelOverlap: "parity", labelFlush: true, tickSize: 4, titlePadding: 8,
  },
  axisX: { grid: false, labelFlush: true },
  axisY: { domain: false, ticks: false, tickCount: 5 },
  legend: {
    labelColor: "var(--ink)", titleColor: "var(--soft)", labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 500, orient: "top", symbolStrokeWidth: 2,
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
    category: ["var(--accent)", "var(--warn)", "var(--reference)", "var(--good)", "var(--soft)"],
  },
};

async function drawChart(place, spec) {
  const drawn = await window.vegaEmbed(place, spec, {
    mode: "vega-lite", ast: true, actions: false, renderer: "svg", defaultStyle: false,
    config: CHART_STYLE,
    tooltip: { theme: "custom", disableDefaultStyle: true },
  });
  return drawn.view;
}

function drawCharts() {
  for (const chart of document.querySelectorAll(".chart")) {
    const spec = JSON.parse(chart.querySelector("script").textContent);
    const place = make("div", { class: "drawing" });
    chart.append(place);
    drawChart(place, spec).then(
      () => chart.querySelector(".undrawn")?.remove(),
      (error) => { place.remove(); console.error(`chart: ${error.message}`); },
    );
  }
}

document.addEventListener("DOMContentLoaded", () => {
  if (window.vegaEmbed) drawCharts();
});
