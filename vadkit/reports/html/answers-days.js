"use strict";

// Days with events, the hours of the chosen day, and the choice of cameras and parts.
const MINUTES = 24 * 60;

function showDays() {
  const days = data.days || [];
  document.getElementById("calendar").hidden = days.length === 0;
  const most = Math.max(...days.map((one) => one.count), 1);
  const buttons = days.map((one) => dayButton(one, most));
  if (days.length) buttons.unshift(dayButton(null, most));
  document.getElementById("days").replaceChildren(...buttons);
  document.querySelector("#days [aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
  choices("camera", (item) => item.name);
  choices("part", (item) => item.part);
}

function dayButton(one, most) {
  const found = document.createElement("button");
  found.type = "button";
  found.setAttribute("aria-pressed", String(day === (one ? one.day : null)));
  const bar = document.createElement("i");
  const words = document.createElement("span");
  if (one) {
    bar.style.height = `${Math.max(2, Math.round((32 * one.count) / most))}px`;
    words.textContent = one.day.slice(5);
    found.dataset.day = one.day;
    found.setAttribute("aria-label", `${one.day}: ${one.count} events, ${one.open} without an answer`);
    found.title = found.getAttribute("aria-label");
  } else {
    words.textContent = "Newest";
  }
  found.append(bar, words);
  found.onclick = () => {
    day = one ? one.day : null;
    load();
  };
  return found;
}

function choices(id, value) {
  const select = document.getElementById(id);
  const before = select.value;
  const values = data.days ? [...new Set(data.items.map(value))].filter((one) => one).sort() : [];
  const options = ["", ...values].map((one) => {
    const option = document.createElement("option");
    option.value = one;
    option.textContent = one || "all";
    return option;
  });
  select.replaceChildren(...options);
  select.value = values.includes(before) ? before : "";
  select.parentElement.hidden = values.length < 2;
  select.onchange = show;
}

function isChosen(item) {
  const camera = document.getElementById("camera").value;
  const part = document.getElementById("part").value;
  return (!camera || item.name === camera) && (!part || item.part === part);
}

// One row of marks for each camera, from midnight to midnight.
function showHours(items) {
  const hours = document.getElementById("hours");
  const dated = day ? items.filter((item) => item.minute !== null) : [];
  hours.hidden = dated.length === 0;
  if (hours.hidden) return;
  const scale = document.createElement("div");
  scale.className = "scale muted";
  scale.setAttribute("aria-hidden", "true");
  scale.append(...["0 h", "6 h", "12 h", "18 h", "24 h"].map((text) => {
    const found = document.createElement("span");
    found.textContent = text;
    return found;
  }));
  const cameras = [...new Set(dated.map((item) => item.name))].sort();
  hours.replaceChildren(...cameras.map((name) => hourRow(name, dated)), scale);
}

function hourRow(name, items) {
  const row = document.createElement("div");
  row.className = "hour";
  const label = document.createElement("span");
  label.className = "camera";
  label.textContent = name;
  const line = document.createElement("div");
  line.className = "line";
  for (const item of items.filter((one) => one.name === name)) {
    const mark = document.createElement("button");
    mark.type = "button";
    mark.className = item.answer || "open";
    mark.style.left = `${(100 * item.minute) / MINUTES}%`;
    mark.title = `${item.facts[0]}, ${item.answer || "no answer"}`;
    mark.setAttribute("aria-label", `${item.name} at ${mark.title}`);
    mark.onclick = () => open(item);
    line.append(mark);
  }
  row.append(label, line);
  return row;
}

function open(item) {
  const card = [...document.querySelectorAll(".item")].find((one) => one.dataset.id === item.id);
  if (!card) return;
  card.scrollIntoView({ block: "center" });
  const first = card.querySelector(".play") || card.querySelector("button");
  first.focus({ preventScroll: true });
}
