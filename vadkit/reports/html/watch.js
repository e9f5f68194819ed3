"use strict";

// The board comes whole, twice a second; what is drawn is made to agree with it.
const SECONDS = 60;
// Seconds without a score from which on the curve has a gap.
const GAP = 1.5;
const WIDTH = 600;
const HEIGHT = 120;
let board = null;

const cards = new Map();
const rows = new Map();

function copyOf(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function number(value) {
  return value === null ? "–" : String(value);
}

function seconds(value) {
  if (value === null) return "–";
  return value < 1 ? `${Math.round(1000 * value)} ms` : `${value.toFixed(1)} s`;
}

function show(data) {
  board = data;
  put(document.getElementById("title"), words(data.cameras));
  dropCards(data.cameras);
  data.cameras.forEach((camera, place) => showCamera(camera, place));
  data.cameras.forEach((camera) => showZones(cards.get(camera.name), camera, data));
  document.getElementById("past").hidden = !data.past;
  document.getElementById("no-alarms").hidden = data.events.length > 0;
  showAlarms(data.events);
  const ringing = data.cameras.filter((camera) => camera.alarm).length;
  document.title = ringing ? `(${ringing}) ALARM · vadkit watch` : "vadkit watch";
}

function words(cameras) {
  const live = cameras.filter((camera) => camera.state === "live").length;
  return `${live} of ${cameras.length} ${cameras.length === 1 ? "camera" : "cameras"} live`;
}

function dropCards(cameras) {
  const names = new Set(cameras.map((camera) => camera.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.remove();
    cards.delete(name);
  }
}

function showCamera(camera, place) {
  let card = cards.get(camera.name);
  if (!card) {
    card = copyOf("camera");
    cards.set(camera.name, card);
    document.getElementById("cameras").append(card);
  }
  const part = (name) => card.querySelector(`.${name}`);
  put(part("name"), camera.name);
  put(part("state"), camera.alarm ? "alarm" : camera.state);
  part("state").className = `state ${camera.state}`;
  card.classList.toggle("on", camera.alarm);
  const picture = part("picture");
  if (picture.dataset.number !== String(camera.picture) && camera.picture) {
    picture.dataset.number = camera.picture;
    picture.src = `/frame/${place}.jpg?${camera.picture}`;
    picture.alt = `Camera ${camera.name}`;
    picture.hidden = false;
  }
  put(part("message"), camera.message || (picture.hidden ? "No picture yet" : ""));
  put(part("advice"), camera.note ? `Note: ${camera.note}.` : "");
  put(part("score"), number(camera.score));
  put(part("fps"), camera.fps.toFixed(1));
  put(part("delay"), seconds(camera.delay_s));
  put(part("dropped"), String(camera.dropped));
  put(part("count"), String(camera.alarms));
  put(part("limit"), camera.threshold === null ? "no threshold" : `alarm at ${camera.threshold}`);
  drawCurve(card, camera);
}

function drawCurve(card, camera) {
  const points = camera.curve;
  const scores = points.map((point) => point[1]);
  let low = Math.min(...scores);
  let high = Math.max(...scores);
  if (camera.threshold !== null) {
    const usual = camera.usual === null ? low : camera.usual;
    low = Math.min(low, usual);
    // Half as far again as the threshold, so that it stands inside the picture.
    high = Math.max(high, usual + 1.5 * (camera.threshold - usual));
  }
  const range = high > low ? high - low : 1;
  const x = (at) => (WIDTH * (1 + at / SECONDS)).toFixed(1);
  const y = (score) => (HEIGHT * (1 - (score - low) / range)).toFixed(1);
  const path = (name, text) => card.querySelector(`path.${name}`).setAttribute("d", text);
  let line = "";
  let area = "";
  let over = "";
  points.forEach(([at, score], n) => {
    const here = `${x(at)} ${y(score)}`;
    if (n === 0 || at - points[n - 1][0] > GAP) {
      line += `M${here}`;
      return;
    }
    const [before, last] = points[n - 1];
    const there = `${x(before)} ${y(last)}`;
    line += `L${here}`;
    area += `M${x(before)} ${HEIGHT}L${there}L${here}L${x(at)} ${HEIGHT}Z`;
    if (camera.threshold !== null && score >= camera.threshold) over += `M${there}L${here}`;
  });
  path("line", line);
  path("area", area);
  path("over", over);
  const level = camera.threshold === null || !points.length ? null : y(camera.threshold);
  path("threshold", level === null ? "" : `M0 ${level}L${WIDTH} ${level}`);
}

function showAlarms(events) {
  const list = document.getElementById("alarms");
  const wanted = new Set(events.map((event) => event.id));
  for (const [id, row] of rows) {
    if (!wanted.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  // Newest first.
  events.toReversed().forEach((event) => {
    let row = rows.get(event.id);
    if (!row) {
      row = copyOf("alarm");
      rows.set(event.id, row);
      prepareAnswers(row, event);
      list.prepend(row);
    }
    const over = event.state === "over";
    row.classList.toggle("on", !over);
    const image = row.querySelector("img");
    // The snapshot is of the highest score so far.
    const source = `/snapshot/${encodeURIComponent(event.id)}.jpg?${event.peak_time}`;
    image.hidden = !event.snapshot;
    if (event.snapshot && image.getAttribute("src") !== source) {
      image.src = source;
      image.alt = `Snapshot of ${event.source}`;
    }
    put(row.querySelector(".what"), event.source + (event.part ? ` (${event.part})` : ""));
    showClip(row, event);
    put(row.querySelector(".when"), when(event));
    put(row.querySelector(".how"), `${lasted(event)}, ${reason(event)}`);
    put(row.querySelector(".why"), (event.reasons || []).join("; "));
    showAnswer(row, event);
  });
}

function when(event) {
  return event.started_at ? new Date(event.started_at).toLocaleString() : `${event.start} s`;
}

function lasted(event) {
  if (event.end !== null) return `lasted ${(event.end - event.start).toFixed(1)} s`;
  return event.state === "over" ? "end unknown" : "going on";
}

function reason(event) {
  if (event.kind.startsWith("source-")) return `no frames: ${event.message}`;
  if (event.kind !== "alarm") return `${event.kind}: ${event.message}`;
  const peak = `peak ${Number(event.peak_score.toPrecision(4))}`;
  return [peak, event.sure, event.message].filter((words) => words).join("; ");
}

function follow() {
  const link = document.getElementById("link");
  const stream = new EventSource("/events");
  stream.onopen = () => {
    link.className = "good";
    put(link, "connected");
  };
  stream.onmessage = (message) => show(JSON.parse(message.data));
  // The browser connects again by itself.
  stream.onerror = () => {
    link.className = "";
    put(link, "not connected");
  };
}

follow();
