"use strict";
// One video's scores beside the video: the curve seeks the video, the video moves the cursor.

const timeline = (() => {
  const plot = byId("timeline-plot");
  const scrubber = byId("scrubber");
  const player = byId("player");
  const urls = new Map();
  let run = null;
  let video = null;
  let kind = null;
  let frame = 0;
  let rate = null; // frames a second of the video in the page, null without one
  let pending = null; // a frame to seek to as soon as the player can
  let drawn = Promise.resolve();

  // Where a video is: in the page as base64, decoded when it is first wanted, or a file beside it.
  function address(media) {
    if (media.file) return encodeURI(media.file);
    if (!urls.has(media.id)) {
      const bytes = Uint8Array.from(atob(byId(media.id).textContent), (char) => char.charCodeAt(0));
      urls.set(media.id, URL.createObjectURL(new Blob([bytes], { type: "video/mp4" })));
    }
    return urls.get(media.id);
  }

  function show(newRun, newVideo, at, newKind) {
    const same = video === newVideo && run === newRun;
    [run, video, kind] = [newRun, newVideo, newKind];
    if (!same) load();
    frame = Math.min(Math.max(at, 0), video.frames - 1);
    redraw();
    seek(frame);
  }

  function load() {
    player.pause();
    rate = video.media ? video.media.rate : null;
    player.hidden = !video.media;
    byId("no-video").hidden = Boolean(video.media);
    byId("no-video").textContent = video.reason ?? "";
    for (const id of ["play", "speed"]) byId(id).disabled = !video.media;
    for (const id of ["event-back", "event-on"]) byId(id).disabled = !video.intervals.length;
    if (video.media) {
      player.src = address(video.media);
      player.playbackRate = Number(byId("speed").value);
    } else player.removeAttribute("src");
  }

  function redraw() {
    const level = kind.level;
    const shade = video.intervals.map(([start, stop]) => ({
      type: "rect", x0: start - 0.5, x1: stop - 0.5, y0: 0, y1: 1, yref: "paper", layer: "below",
      fillcolor: colour("shade"), line: { width: 0 },
    }));
    const shapes = [cursor(), ...shade];
    if (level !== null) shapes.push(levelLine({ x0: 0, x1: 1, xref: "paper", y0: level, y1: level }));
    const scores = video.scores[kind.key];
    const trace = {
      x: scores.map((_, i) => i),
      y: scores,
      mode: "lines",
      name: `${kind.label} score of video ${video.id}`,
      line: { color: colour("score"), width: 1.8 },
      hovertemplate: "frame %{x}: %{y:.4g}<extra></extra>",
    };
    const known = scores.filter((score) => score !== null);
    if (!known.length) known.push(0);
    if (level !== null) known.push(level);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const room = 0.06 * (high - low || 1);
    const x = axis("frame", { range: [-0.5, video.frames - 0.5], minallowed: -0.5, maxallowed: video.frames - 0.5 });
    const y = axis(kind.key === "raw" ? "raw score" : "final score", { range: [low - room, high + room], fixedrange: true });
    drawn = draw("timeline-plot", [trace], layout(x, y, { shapes, showlegend: false, hovermode: "x", margin: { l: 50, r: 8, t: 30, b: 40 } }));
    legend(level);
    tell();
  }

  function cursor() {
    return { type: "line", x0: frame, x1: frame, y0: 0, y1: 1, yref: "paper", line: { color: colour("cursor"), width: 2 } };
  }

  function legend(level) {
    const entry = (text, tone, className) => {
      const item = make("span", text, className);
      item.style.setProperty("--swatch", `var(--${tone})`);
      if (tone === "level") item.style.setProperty("--dash", "dashed");
      return item;
    };
    const items = [entry("score", "score", "thin"), entry("labelled abnormal", "shade")];
    if (level !== null) items.push(entry("threshold", "level", "thin"));
    const missing = video.scores[kind.key].filter((score) => score === null).length;
    if (missing) items.push(make("em", `${missing} frames without a score`));
    byId("timeline-legend").replaceChildren(...items);
  }

  // The curve's side: move the cursor and say what is under it.
  function point(at) {
    const next = Math.min(Math.max(at, 0), video.frames - 1);
    if (next === frame) return;
    frame = next;
    tell();
    drawn = drawn.then(() => Plotly.relayout(plot, { "shapes[0].x0": frame, "shapes[0].x1": frame }));
  }

  function tell() {
    const score = video.scores[kind.key][frame];
    const abnormal = video.intervals.some(([start, stop]) => start <= frame && frame < stop);
    const above = kind.level !== null && score !== null && score >= kind.level;
    const words = `frame ${frame} of ${video.frames}${rate ? ` · ${startOf(frame).toFixed(1)} s` : ""} · ${score === null ? "no score" : `score ${digits(score)}`}`;
    const tags = [abnormal ? "labelled abnormal" : "labelled normal", ...(above ? ["above the threshold"] : [])];
    byId("readout").replaceChildren(make("span", words), make("br"), make("span", tags.join(", "), abnormal || above ? "tag" : "muted"));
    scrubber.setAttribute("aria-valuemax", video.frames - 1);
    scrubber.setAttribute("aria-valuenow", frame);
    scrubber.setAttribute("aria-valuetext", `${words}, ${tags.join(", ")}`);
  }

  // The video's side. Frame n is shown from its time on, or from n / rate on if the rate is even.
  function startOf(at) {
    const times = video.media.times;
    if (!times) return at / rate;
    return at < times.length ? times[at] : times[times.length - 1] + (at - times.length + 1) / rate;
  }

  function frameAt(seconds) {
    const times = video.media.times;
    if (!times) return Math.floor(seconds * rate + 1e-3);
    let [low, high] = [0, times.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= seconds + 1e-3) low = middle;
      else high = middle;
    }
    return low;
  }

  // The middle of a frame is safe from rounding.
  function seek(at) {
    if (rate === null) return;
    if (player.seeking || player.readyState === 0) pending = at;
    else player.currentTime = (startOf(at) + startOf(at + 1)) / 2;
  }

  function goTo(at) {
    point(at);
    seek(frame);
  }

  function settle() {
    if (pending !== null) {
      const at = pending;
      pending = null;
      seek(at);
    } else if (rate !== null) point(frameAt(player.currentTime));
  }

  function follow(_, picture) {
    if (rate !== null && !player.paused && !player.seeking) {
      const seconds = picture.mediaTime;
      point(video.media.times ? frameAt(seconds) : Math.round(seconds * rate));
    }
    player.requestVideoFrameCallback(follow);
  }

  function toggle() {
    if (rate === null) return;
    if (player.paused) player.play();
    else player.pause();
  }

  function event(direction) {
    const starts = video.intervals.map(([start]) => start);
    const next = direction > 0 ? starts.find((start) => start > frame) : starts.findLast((start) => start < frame);
    if (next !== undefined) goTo(next);
  }

  function frameUnder(clientX) {
    const box = plot.querySelector(".nsewdrag").getBoundingClientRect();
    const [low, high] = plot.layout.xaxis.range;
    return Math.round(low + ((clientX - box.left) / box.width) * (high - low));
  }

  scrubber.addEventListener("pointerdown", (down) => {
    if (down.button !== 0 || !down.target.closest?.(".nsewdrag")) return;
    const move = (at) => goTo(frameUnder(at.clientX));
    const end = () => {
      window.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, end);
    };
    window.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, end);
    player.pause();
    scrubber.focus({ preventScroll: true });
    move(down);
  });
  const keys = {
    ArrowLeft: (far) => goTo(frame - far),
    ArrowRight: (far) => goTo(frame + far),
    PageDown: () => goTo(frame - 50),
    PageUp: () => goTo(frame + 50),
    Home: () => goTo(0),
    End: () => goTo(video.frames - 1),
    " ": toggle,
    n: () => event(1),
    p: () => event(-1),
  };
  scrubber.addEventListener("keydown", (key) => {
    if (!(key.key in keys) || key.ctrlKey || key.metaKey || key.altKey) return;
    key.preventDefault();
    if (key.key !== " ") player.pause();
    keys[key.key](key.shiftKey ? 10 : 1);
  });
  const buttons = { "step-back": () => goTo(frame - 1), "step-on": () => goTo(frame + 1), "event-back": () => event(-1), "event-on": () => event(1) };
  for (const [id, act] of Object.entries(buttons)) {
    byId(id).addEventListener("click", () => { player.pause(); act(); });
  }
  byId("play").addEventListener("click", toggle);
  player.addEventListener("click", toggle);
  byId("speed").addEventListener("change", (change) => { player.playbackRate = Number(change.target.value); });
  for (const name of ["play", "pause", "ended"]) {
    player.addEventListener(name, () => { byId("play").textContent = player.paused ? "Play" : "Pause"; });
  }
  // The picture may be a frame ahead of the last one that was told; the curve's cursor decides.
  player.addEventListener("pause", () => { if (!player.ended) seek(frame); });
  player.addEventListener("ended", () => point(video.frames - 1));
  player.addEventListener("loadedmetadata", settle);
  player.addEventListener("seeked", settle);
  player.addEventListener("error", () => {
    if (!player.getAttribute("src")) return;
    rate = null;
    player.hidden = true;
    byId("no-video").hidden = false;
    byId("no-video").textContent = video.media.file
      ? `${video.media.file} cannot be played: it must stand beside this page.`
      : "This browser cannot play the video (H.264 in MP4).";
  });
  if (player.requestVideoFrameCallback) player.requestVideoFrameCallback(follow);
  else player.addEventListener("timeupdate", settle);

  return { show, redraw, current: () => ({ video, frame }) };
})();
