"use strict";

// Places that are ignored, over the picture of each camera, and how a new one is drawn.
const SVG = "http://www.w3.org/2000/svg";
// The camera that a place is drawn on, and its corners as shares of the picture.
let drawing = null;

async function change(path, data) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(data),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error || `status ${answer.status}`);
  return said;
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function showZones(card, camera, data) {
  const places = card.querySelector(".places");
  places.hidden = data.zones === null;
  if (data.zones === null) return;
  if (!card.dataset.ready) prepare(card, camera.name);
  const zones = data.zones.filter((zone) => zone.camera === null || zone.camera === camera.name);
  const state = JSON.stringify(zones);
  if (card.dataset.zones !== state) {
    card.dataset.zones = state;
    card.querySelector(".chips").replaceChildren(...zones.map((zone) => chip(card, zone)));
  }
  draw(card, zones);
}

function draw(card, zones) {
  const picture = card.querySelector(".picture");
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  const svg = card.querySelector(".zones");
  card.querySelector(".draw").disabled = !width;
  if (!width) return;
  const mine = drawing && drawing.card === card ? drawing.corners : [];
  const state = JSON.stringify([width, height, zones, mine]);
  if (svg.dataset.state === state) return;
  svg.dataset.state = state;
  // The same shape as the picture, so that both are fitted into the frame in the same way.
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const points = (corners) => corners.map(([x, y]) => `${x * width},${y * height}`).join(" ");
  const shown = zones.map((zone) => {
    const polygon = shape("polygon", { points: points(zone.polygon) });
    if (!zone.always) polygon.setAttribute("class", "away");
    return polygon;
  });
  if (mine.length > 1) shown.push(shape("polygon", { points: points(mine), class: "drawn" }));
  mine.forEach(([x, y]) =>
    shown.push(shape("circle", { cx: x * width, cy: y * height, r: width / 120 })),
  );
  svg.replaceChildren(...shown);
}

function chip(card, zone) {
  const item = document.createElement("li");
  item.textContent = zone.always ? zone.name : `${zone.name} (at some hours)`;
  if (zone.removable) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", `Watch ${zone.name} again`);
    button.onclick = () =>
      change("/zones/remove", { name: zone.name })
        .then(() => hint(card, `${zone.name} counts again.`))
        .catch((error) => hint(card, error.message));
    item.append(button);
  }
  return item;
}

function hint(card, text) {
  card.querySelector(".hint").textContent = text;
}

function prepare(card, name) {
  card.dataset.ready = "yes";
  const part = (kind) => card.querySelector(`.${kind}`);
  part("draw").onclick = () => start(card, name);
  part("cancel").onclick = () => stop("");
  part("undo").onclick = () => {
    drawing.corners.pop();
    redraw();
  };
  part("save").onclick = save;
  part("zones").onclick = (event) => {
    if (!drawing || drawing.card !== card) return;
    const svg = part("zones");
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const { width, height } = svg.viewBox.baseVal;
    const share = (value, of) => Math.min(1, Math.max(0, value / of));
    drawing.corners.push([share(at.x, width), share(at.y, height)]);
    redraw();
  };
}

function start(card, name) {
  if (drawing) stop("");
  drawing = { card, name, corners: [] };
  card.classList.add("drawing");
  redraw();
}

function redraw() {
  const { card, corners } = drawing;
  const show = { draw: false, save: true, undo: true, cancel: true };
  for (const [kind, on] of Object.entries(show)) card.querySelector(`.${kind}`).hidden = !on;
  card.querySelector(".save").disabled = corners.length < 3;
  card.querySelector(".undo").disabled = !corners.length;
  hint(card, "Click the corners of the place in the picture. Nothing in it will raise an alarm.");
  draw(card, JSON.parse(card.dataset.zones));
}

function stop(text) {
  const { card } = drawing;
  drawing = null;
  card.classList.remove("drawing");
  for (const kind of ["save", "undo", "cancel"]) card.querySelector(`.${kind}`).hidden = true;
  card.querySelector(".draw").hidden = false;
  hint(card, text);
  draw(card, JSON.parse(card.dataset.zones));
}

function save() {
  const { card, name, corners } = drawing;
  if (corners.length < 3) return;
  change("/zones/add", { camera: name, polygon: corners })
    .then((zone) => stop(`${zone.name} is ignored from now on.`))
    .catch((error) => hint(card, error.message));
}

document.addEventListener("keydown", (event) => {
  if (!drawing) return;
  if (event.key === "Escape") stop("");
  if (event.key === "Enter" && event.target.tagName !== "BUTTON") save();
});
