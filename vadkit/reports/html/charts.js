"use strict";
// Charts by Plotly, in the page's colours and with its text.

const CONFIG = {
  displaylogo: false,
  responsive: true,
  // Named, since Plotly's own choice has a button that sends the data to its maker's server.
  modeBarButtons: [["toImage"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]],
};
const RUN_COLOURS = ["score", "final", "third", "fourth", "abnormal", "level"];

const byId = (id) => document.getElementById(id);

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// A colour of the style sheet under the theme that is shown.
function colour(name) {
  const probe = byId("colour-probe");
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function axis(title, more) {
  return {
    title: { text: title, standoff: 8 },
    gridcolor: colour("line"),
    linecolor: colour("line"),
    zeroline: false,
    automargin: true,
    ...more,
  };
}

function layout(x, y, more) {
  return {
    xaxis: x,
    yaxis: y,
    margin: { l: 50, r: 12, t: 12, b: 44 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colour("text") },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("text") } },
    legend: { bgcolor: "rgba(0,0,0,0)", orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("accent") },
    dragmode: false,
    ...more,
  };
}

function draw(id, traces, how) {
  const plot = byId(id);
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", traces.map((trace) => trace.name).filter(Boolean).join("; "));
  return Plotly.react(plot, traces, how, CONFIG);
}

function noChart(id, reason) {
  Plotly.purge(id);
  byId(id).replaceChildren(make("p", reason, "note"));
}

const unit = (title) => axis(title, { range: [-0.01, 1.01], fixedrange: true });

// Curves are [{name, curve: {x, y, area}, colour}]; `area` is what the area is called.
function drawRoc(id, curves) {
  if (!curves.length) return noChart(id, "No ROC: all scored frames are of one class.");
  const chance = { x: [0, 1], y: [0, 1], mode: "lines", line: { color: colour("muted"), width: 1, dash: "dot" }, hoverinfo: "skip", showlegend: false };
  const traces = curves.map((one) => line(one, "AUC", "false alarms %{x:.1%}, found %{y:.1%}"));
  draw(id, [chance, ...traces], layout(unit("false positive rate"), unit("true positive rate")));
}

function drawPr(id, curves, share) {
  if (!curves.length) return noChart(id, "No precision and recall: all scored frames are of one class.");
  const base = { x: [0, 1], y: [share, share], mode: "lines", line: { color: colour("muted"), width: 1, dash: "dot" }, name: `chance ${share.toFixed(3)}`, hoverinfo: "skip", showlegend: false };
  const traces = curves.map((one) => line(one, "AP", "recall %{x:.1%}, precision %{y:.1%}"));
  draw(id, [base, ...traces], layout(unit("recall"), unit("precision")));
}

function line(one, area, hover) {
  return {
    x: one.curve.x,
    y: one.curve.y,
    mode: "lines",
    name: `${one.name}: ${area} ${one.curve.area.toFixed(4)}`,
    line: { color: colour(one.colour), width: 2 },
    hovertemplate: `${hover}<extra>${one.name}</extra>`,
  };
}

function drawHistogram(id, kind) {
  const { edges, normal, abnormal } = kind.histogram;
  const middles = normal.map((_, i) => (edges[i] + edges[i + 1]) / 2);
  const bars = (name, shares, tone) => ({
    type: "bar",
    x: middles,
    y: shares,
    name,
    width: edges[1] - edges[0],
    marker: { color: colour(tone), opacity: 0.55, line: { width: 0 } },
    hovertemplate: `score near %{x:.4g}: %{y:.1%} of ${name} frames<extra></extra>`,
  });
  const shapes = kind.level !== null ? [levelLine({ x0: kind.level, x1: kind.level, y0: 0, y1: 1, yref: "paper" })] : [];
  draw(
    id,
    [bars("normal", normal, "score"), bars("abnormal", abnormal, "abnormal")],
    layout(axis(`score (${kind.label})`), axis("share of frames of the class", { tickformat: ".0%", fixedrange: true }), {
      barmode: "overlay",
      bargap: 0,
      shapes,
    }),
  );
}

function levelLine(place) {
  return { type: "line", line: { color: colour("level"), width: 1.4, dash: "dash" }, ...place };
}

function drawTraining(id, series, logarithmic) {
  const tones = RUN_COLOURS;
  const traces = Object.entries(series).map(([name, one], i) => ({
    x: one.x,
    y: one.y,
    name,
    mode: one.x.length < 40 ? "lines+markers" : "lines",
    marker: { size: 5 },
    line: { color: colour(tones[i % tones.length]), width: 2, dash: i < tones.length ? "solid" : "dot" },
    hovertemplate: `step %{x}: %{y:.5g}<extra>${name}</extra>`,
  }));
  draw(id, traces, layout(axis("step"), axis("", { type: logarithmic ? "log" : "linear", exponentformat: "power", dtick: logarithmic ? 1 : undefined })));
}
