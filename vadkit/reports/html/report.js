"use strict";
// Fills the page from its data: comparison, summary, chooser, mistakes, curves, details.

const report = JSON.parse(byId("report-data").textContent);
let run = report.runs[0];
let kind = run.kinds[0];

// Radio buttons in a fieldset: arrow keys work as everywhere.
function radios(place, name, options, chosen, change) {
  const labels = options.map(({ value, content }) => {
    const label = make("label");
    const input = make("input");
    Object.assign(input, { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => change(value));
    label.append(input, ...content);
    return label;
  });
  for (const old of place.querySelectorAll("label")) old.remove();
  place.append(...labels);
}

function options(select, names, chosen) {
  select.replaceChildren(...names.map((name) => {
    const option = make("option", name);
    option.selected = name === chosen;
    return option;
  }));
}

function digits(value) {
  if (value === null || value === undefined) return "–";
  const text = Number.isInteger(value) ? value.toLocaleString("en") : Math.abs(value) <= 1 ? value.toFixed(4) : value.toPrecision(5);
  return text.replace("-", "−");
}

function table(place, head, rows) {
  const header = make("tr");
  header.append(...head.map((text) => make("th", text)));
  header.querySelectorAll("th").forEach((cell) => cell.setAttribute("scope", "col"));
  const body = make("tbody");
  for (const cells of rows) {
    const line = make("tr");
    line.append(...cells.map((cell, i) => {
      if (cell instanceof Node) return cell;
      const made = make(i ? "td" : "th", cell);
      if (!i) made.setAttribute("scope", "row");
      return made;
    }));
    body.append(line);
  }
  const top = make("thead");
  if (head.length) top.append(header);
  place.replaceChildren(top, body);
}

// A number with its interval, where it has one.
function numberCell(number, bold) {
  const cell = make("td");
  cell.append(make(bold ? "b" : "span", digits(number?.value)));
  if (number?.low != null) cell.append(make("span", `[${number.low.toFixed(3)}, ${number.high.toFixed(3)}]`, "interval"));
  return cell;
}

function protocolCell(row) {
  const cell = make("th", row.name);
  cell.setAttribute("scope", "row");
  if (row.published) cell.append(make("span", " as published", "muted"));
  return cell;
}

// Several runs

function showComparison() {
  byId("comparison").hidden = false;
  byId("differences").replaceChildren(...report.differences.map((text) => make("li", text)));
  const names = [...new Set(report.runs.flatMap((one) => one.table.rows.map((row) => row.name)))];
  options(byId("comparison-protocol"), names, names[0]);
  byId("comparison-protocol").addEventListener("change", compareNumbers);
  radios(byId("run-switch"), "run", report.runs.map((one, i) => ({ value: String(i), content: [one.name] })), "0", (value) => {
    const before = timeline.current();
    run = report.runs[Number(value)];
    kind = run.kinds.find((one) => one.key === kind.key) ?? run.kinds[0];
    // The same video and frame, where the other run has it: so runs are compared at one place.
    showRun(before.video.id, before.frame);
  });
  compareNumbers();
}

function compareNumbers() {
  const protocol = byId("comparison-protocol").value;
  const rowOf = (one) => one.table.rows.find((row) => row.name === protocol)?.cells ?? {};
  const columns = [...new Set(report.runs.flatMap((one) => one.table.columns.slice(0, one.table.main)))].filter((name) => report.runs.some((one) => name in rowOf(one)));
  const first = rowOf(report.runs[0]);
  const rows = report.runs.map((one, i) => [one.name, ...columns.map((name) => {
    const cell = numberCell(rowOf(one)[name]);
    const [value, other] = [rowOf(one)[name]?.value, first[name]?.value];
    if (i && value != null && other != null) {
      const delta = value - other;
      cell.firstChild.after(make("span", `${delta < 0 ? "−" : "+"}${digits(Math.abs(delta))}`, "delta"));
    }
    return cell;
  })]);
  table(byId("comparison-table"), ["run", ...columns], rows);
}

function compareCurves() {
  const curves = (name) => report.runs.map((one, i) => ({ name: one.name, curve: one.kinds[0][name], colour: RUN_COLOURS[i % RUN_COLOURS.length] })).filter((one) => one.curve);
  drawRoc("comparison-roc", curves("roc"));
  drawPr("comparison-pr", curves("pr"), report.runs[0].kinds[0].abnormalShare);
}

// One run

function showSummary() {
  const { columns, main, rows } = run.table;
  const first = rows[0];
  byId("headline").replaceChildren(...(first ? columns.slice(0, main).filter((name) => name in first.cells) : []).map((name) => {
    const one = make("div");
    one.append(make("b", digits(first.cells[name].value)), make("span", `${name}, ${first.name}`));
    return one;
  }));
  byId("sentences").replaceChildren(...run.sentences.map((text) => make("p", text)));
  byId("notes").replaceChildren(...run.notes.map((text) => make("li", text)));
  table(byId("metrics"), ["protocol", ...columns.slice(0, main)], rows.map((row) => [protocolCell(row), ...columns.slice(0, main).map((name) => numberCell(row.cells[name], name === row.headline))]));
  byId("interval-words").hidden = !rows.some((row) => Object.values(row.cells).some((cell) => "low" in cell));
  byId("protocols").replaceChildren(...rows.filter((row) => row.details).flatMap((row) => {
    const words = make("dd", `${row.details}. `);
    if (row.foresight) words.append(row.foresight.length ? make("b", `Not for live use: ${row.foresight.join("; ")}.`) : "A live system could do the same.");
    if (row.note) words.append(` ${row.note}`);
    return [make("dt", row.name), words];
  }));
  // Turned round, for there may be dozens.
  const further = columns.slice(main);
  byId("more-metrics").hidden = !further.length;
  table(byId("further"), ["metric", ...rows.map((row) => row.name)], further.map((name) => [name, ...rows.map((row) => numberCell(row.cells[name]))]));
  byId("level-words").textContent = run.levelWords;
  table(byId("environment"), [], run.environment.map(([name, value]) => [name, value]));
  byId("recipe").textContent = run.recipe;
}

function showVideos(chosen, frame) {
  const video = run.videos.find((one) => one.id === chosen) ?? run.videos[0];
  const entries = run.videos.map((one) => {
    const row = make("span", undefined, "row");
    row.append(make("b", one.id), make("span", one.auc === null ? "one class" : one.auc.toFixed(3), "muted"));
    const share = make("span", undefined, "share");
    share.style.setProperty("--share", `${100 * (one.auc ?? 0)}%`);
    return { value: one.id, content: [row, share] };
  });
  radios(byId("chooser"), "video", entries, video.id, (id) => timeline.show(run, run.videos.find((one) => one.id === id), 0, kind));
  byId("chooser").querySelector(":checked").parentElement.scrollIntoView({ block: "nearest" });
  radios(byId("timeline-kind"), "kind", run.kinds.map((one) => ({ value: one.key, content: [one.key === "raw" ? "raw score" : one.label] })), kind.key, (key) => {
    kind = run.kinds.find((one) => one.key === key);
    timeline.show(run, timeline.current().video, timeline.current().frame, kind);
  });
  byId("timeline-kind").hidden = run.kinds.length < 2;
  timeline.show(run, video, frame, kind);
}

function goToMistake(one) {
  const input = [...byId("chooser").querySelectorAll("input")].find((choice) => choice.value === one.video);
  input.checked = true;
  input.parentElement.scrollIntoView({ block: "nearest" });
  timeline.show(run, run.videos.find((video) => video.id === one.video), one.frame, kind);
  byId("timelines").scrollIntoView();
  byId("scrubber").focus({ preventScroll: true });
}

function showMistakes(place, mistakes, compared) {
  place.replaceChildren(...mistakes.map((one) => {
    const item = make("li");
    const button = make("button");
    button.type = "button";
    button.addEventListener("click", () => goToMistake(one));
    const pictures = make("span", undefined, "pictures");
    for (const [source, what] of [[one.picture, "frame"], [one.heat, "error map of frame"]]) {
      if (!source) continue;
      const image = make("img");
      Object.assign(image, { loading: "lazy", decoding: "async", alt: `${what} ${one.frame} of video ${one.video}`, src: source });
      // Known before it is decoded, so that nothing jumps while the page is scrolled.
      image.style.setProperty("--shape", one.shape);
      pictures.append(image);
    }
    const words = make("span", undefined, "words");
    words.append(make("b", `video ${one.video}, frame ${one.frame}`), make("br"), `score ${digits(one.score)}, ${compared(one.share)}`);
    button.append(pictures, words);
    item.append(button);
    return item;
  }));
  if (!mistakes.length) place.replaceChildren(make("li", "None: no such frame scores beyond one of the other class.", "muted"));
}

const percent = (share) => `${(100 * share).toFixed(share % 1 && (share > 0.99 || share < 0.01) ? 1 : 0)}%`;

function drawRun() {
  const tones = ["score", "final", "third"];
  const curves = (name) => run.kinds.map((one, i) => ({ name: one.label, curve: one[name], colour: tones[i] })).filter((one) => one.curve);
  drawRoc("roc", curves("roc"));
  drawPr("pr", curves("pr"), run.kinds[0].abnormalShare);
  byId("histograms").replaceChildren(...run.kinds.map((one) => {
    const figure = make("figure");
    const plot = make("div", undefined, "plot");
    plot.id = `histogram-${one.key}`;
    figure.append(make("figcaption", `Scores of normal and abnormal frames: ${one.label}`), plot);
    return figure;
  }));
  for (const one of run.kinds) drawHistogram(`histogram-${one.key}`, one);
  showTraining();
}

function showTraining() {
  const group = run.training[byId("training-group").value];
  // The summary has a note on why there are none.
  byId("training").hidden = !group;
  if (!group) return;
  const positive = Object.values(group).every((one) => one.y.every((value) => value === null || value > 0));
  byId("training-log").disabled = !positive;
  drawTraining("training-plot", group, positive && byId("training-log").checked);
}

function showRun(video, frame) {
  showSummary();
  options(byId("training-group"), Object.keys(run.training), "training");
  byId("training-group").parentElement.hidden = Object.keys(run.training).length < 2;
  showVideos(video, frame);
  showMistakes(byId("alarms"), run.mistakes.alarms, (share) => `above ${percent(share)} of abnormal frames`);
  showMistakes(byId("misses"), run.mistakes.misses, (share) => `below ${percent(share)} of normal frames`);
  drawRun();
}

function drawAll() {
  timeline.redraw();
  drawRun();
  if (report.runs.length > 1) compareCurves();
}

byId("made").textContent = `Made ${report.made}`;
for (const id of ["training-group", "training-log"]) byId(id).addEventListener("change", showTraining);
byId("theme").addEventListener("click", () => {
  const order = ["system", "light", "dark"];
  const root = document.documentElement;
  const next = order[(order.indexOf(root.dataset.theme ?? "system") + 1) % 3];
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  byId("theme").textContent = `Theme: ${next}`;
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
if (report.runs.length > 1) {
  showComparison();
  compareCurves();
}
showRun(run.videos[0].id, 0);
