"""The HTML page of an animation. It refers to nothing outside itself."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{TITLE}}</title>
<style>
  body { margin: 1rem auto; max-width: 80rem; padding: 0 1rem; background: #fff; color: #222;
         font: 1rem/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.2rem; margin: 0 0 .5rem; }
  img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
  .controls { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: .5rem 0; }
  button { font: inherit; padding: .25rem .75rem; min-width: 5.5rem; }
  input { flex: 1; min-width: 12rem; accent-color: #0072B2; }
  output { min-width: 9rem; font-variant-numeric: tabular-nums; }
  .hint { color: #555; font-size: .875rem; margin: 0; }
</style>
</head>
<body>
<h1>{{TITLE}}</h1>
<div class="controls">
  <button id="play" type="button">Play</button>
  <input id="slider" type="range" min="0" max="{{LAST}}" value="0" step="1" aria-label="frame">
  <output id="label" for="slider">{{LABEL}}</output>
</div>
<img id="frame" alt="{{ALT}}" src="{{FIRST}}">
<p class="hint">Arrow keys step, Home and End jump, the space bar plays and pauses.</p>
<noscript><p>The first frame is shown; the others need JavaScript.</p></noscript>
<script>
"use strict";
const data = {{DATA}};
const last = data.frames.length - 1;
const [play, slider, label, frame] = ["play", "slider", "label", "frame"].map(id => document.getElementById(id));
let timer = null;

function show(index) {
  const i = Math.min(Math.max(index, 0), last);
  slider.value = i;
  slider.setAttribute("aria-valuetext", data.labels[i]);
  label.textContent = data.labels[i];
  frame.src = data.frames[i];
  frame.alt = data.alt + ", " + data.labels[i];
}
function pause() {
  clearInterval(timer);
  timer = null;
  play.textContent = "Play";
}
function step() {
  show(Number(slider.value) + 1);
  if (Number(slider.value) === last) pause();
}
function toggle() {
  if (timer !== null) return pause();
  if (Number(slider.value) === last) show(0);
  play.textContent = "Pause";
  timer = setInterval(step, data.delay);
}
const keys = {
  ArrowLeft: i => i - 1, ArrowDown: i => i - 1, ArrowRight: i => i + 1, ArrowUp: i => i + 1,
  Home: () => 0, End: () => last,
};
play.addEventListener("click", toggle);
slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === " " && event.target !== play) { event.preventDefault(); toggle(); }
  if (!(event.key in keys)) return;
  event.preventDefault();  // or the slider would step a second time
  pause();
  show(keys[event.key](Number(slider.value)));
});
show(0);
</script>
</body>
</html>
"""
