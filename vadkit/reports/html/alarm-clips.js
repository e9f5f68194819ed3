"use strict";

// The clip of an alarm, played in a dialog when its picture is clicked.

function showClip(row, event) {
  const look = row.querySelector(".look");
  look.disabled = !event.clip;
  look.hidden = !event.snapshot && !event.clip;
  look.classList.toggle("plays", event.clip);
  look.setAttribute("aria-label", event.clip ? `Play the clip of ${event.source}` : `Picture of ${event.source}`);
  look.onclick = () => playClip(event);
}

function playClip(event) {
  const dialog = document.getElementById("clip");
  document.getElementById("clip-title").textContent = `${event.source}, ${when(event)}`;
  const video = dialog.querySelector("video");
  video.src = `/clip/${encodeURIComponent(event.id)}.mp4`;
  dialog.showModal();
  video.play().catch(() => {});
}

document.getElementById("clip-close").onclick = () => document.getElementById("clip").close();
document.getElementById("clip").onclose = () => {
  const video = document.querySelector("#clip video");
  video.pause();
  video.removeAttribute("src");
  video.load();
};
