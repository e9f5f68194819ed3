"use strict";

// Alarms or stretches of video, each with a picture, a clip and buttons for its answers.
let data = { items: [] };
let filter = "all";
let day = null;

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function say(text, bad = false) {
  const said = document.getElementById("said");
  said.className = bad ? "bad" : "";
  put(said, text);
}

async function load() {
  try {
    const answer = await fetch(day ? `items.json?day=${day}` : "items.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    data = await answer.json();
    if (data.error) throw new Error(data.error);
  } catch (error) {
    put(document.getElementById("title"), "Not available");
    say(error.message, true);
    return;
  }
  document.title = data.title;
  put(document.getElementById("kicker"), data.kicker);
  put(document.getElementById("title"), data.title);
  put(document.getElementById("note"), data.note);
  showDays();
  show();
}

function matches(item) {
  if (!isChosen(item)) return false;
  return filter === "all" || (filter === "done") === (item.answer !== null);
}

function show() {
  const list = document.getElementById("items");
  const shown = data.items.filter(matches);
  list.replaceChildren(...shown.map(card));
  showHours(shown);
  document.getElementById("empty").hidden = shown.length > 0;
}

function card(item) {
  const element = document.getElementById("item").content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  element.dataset.id = item.id;
  part("screen").append(screen(item));
  put(part("name"), item.name);
  put(part("facts"), item.facts.join(" · "));
  part("choices").setAttribute("aria-label", `Answer for ${item.name}`);
  part("choices").append(...item.choices.map((choice) => button(element, item, choice)));
  mark(element, item);
  return element;
}

function screen(item) {
  const name = encodeURIComponent(item.id);
  const found = document.createElement("div");
  found.className = "shown";
  if (item.picture) {
    const image = document.createElement("img");
    Object.assign(image, { loading: "lazy", alt: `Picture of ${item.name}`, src: `media/${name}.jpg` });
    found.append(image);
  } else {
    const text = document.createElement("p");
    text.textContent = "no picture";
    found.append(text);
  }
  if (item.clip) {
    const play = document.createElement("button");
    Object.assign(play, { type: "button", className: "play", textContent: "▶ Play" });
    play.setAttribute("aria-label", `Play the clip of ${item.name}`);
    play.onclick = () => found.replaceChildren(clip(item, name));
    found.append(play);
  }
  return found;
}

function clip(item, name) {
  const video = document.createElement("video");
  Object.assign(video, { controls: true, autoplay: true, loop: true, muted: true });
  video.setAttribute("aria-label", `Clip of ${item.name}`);
  video.src = `media/${name}.mp4`;
  return video;
}

function button(element, item, choice) {
  const found = document.createElement("button");
  found.type = "button";
  found.dataset.answer = choice.answer;
  found.title = choice.help;
  found.textContent = choice.label;
  found.onclick = () => answer(element, item, choice);
  return found;
}

function mark(element, item) {
  for (const one of element.querySelectorAll(".choices button")) {
    one.setAttribute("aria-pressed", String(one.dataset.answer === item.answer));
  }
  const words = item.history.map((one) => `${one.answer} (${new Date(one.at).toLocaleString()})`);
  put(element.querySelector(".history"), words.length ? `Answered: ${words.join(", ")}` : "");
}

async function answer(element, item, choice) {
  const buttons = element.querySelectorAll(".choices button");
  for (const one of buttons) one.disabled = true;
  try {
    const sent = await fetch("answer", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ id: item.id, answer: choice.answer }),
    });
    const said = await sent.json().catch(() => ({}));
    if (!sent.ok) throw new Error(said.error || `status ${sent.status}`);
    item.answer = said.answer;
    item.history.push({ answer: said.answer, at: said.at });
    say(`Saved: ${item.name} is ${choice.label.toLowerCase()}.`);
  } catch (error) {
    say(`Not saved: ${error.message}`, true);
  }
  for (const one of buttons) one.disabled = false;
  mark(element, item);
}

for (const one of document.querySelectorAll(".filter button")) {
  one.onclick = () => {
    filter = one.dataset.show;
    for (const each of document.querySelectorAll(".filter button")) {
      each.setAttribute("aria-pressed", String(each === one));
    }
    show();
  };
}
load();
