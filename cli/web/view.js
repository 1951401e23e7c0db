"use strict";

// What is open and how it looks: pictures, side by side under a border that moves, and the table of figures

const byId = (id) => document.getElementById(id);
const grouped = (count) => count.toLocaleString("en").replaceAll(",", "\u202f");

function node(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const ORIGINAL = "original", OURS = "ulbic";
let opened = null; // { file, stem, isUlb, width, height }
const views = new Map(); // by name: { label, url, bytes, bpp, encode_s, decode_s }
const shown = { left: ORIGINAL, right: OURS }; // the view of each side, once it is there

function show(name, view) {
  if (views.has(name)) URL.revokeObjectURL(views.get(name).url);
  views.set(name, { ...view, url: URL.createObjectURL(view.blob), blob: null });
  draw();
}

function forget(unwanted) {
  for (const [name, { url }] of [...views]) {
    if (!unwanted(name)) continue;
    URL.revokeObjectURL(url);
    views.delete(name);
  }
}

function draw() {
  for (const side of ["left", "right"]) {
    const chosen = views.has(shown[side]) ? shown[side] : [...views.keys()][0];
    byId(side).replaceChildren(...[...views].map(([name, { label }]) => node("option", { value: name }, label)));
    byId(side).value = chosen;
    const image = byId(`${side}-image`), { url, label } = views.get(chosen);
    if (image.src !== url) image.src = url;
    image.alt = label;
    image.hidden = false;
  }
  const alone = views.size < 2;
  byId("divider").hidden = byId("swipe").hidden = alone;
  for (const side of ["left", "right"]) byId(side).parentElement.hidden = alone;
  for (const button of byId("peer-buttons").children) button.setAttribute("aria-pressed", views.has(button.value));
  const seconds = (value) => (value === undefined ? "" : `${value.toFixed(2)} s`);
  byId("table").tBodies[0].replaceChildren(...[...views.values()].map((view) => node("tr", {},
    node("th", { scope: "row" }, view.label), node("td", {}, grouped(view.bytes)), node("td", {}, view.bpp.toFixed(4)),
    node("td", {}, seconds(view.encode_s)), node("td", {}, seconds(view.decode_s)))));
  place();
}

function place() {
  if (!opened) return;
  const stage = byId("stage"), canvas = byId("canvas");
  const zoom = Number(document.querySelector("input[name=zoom]:checked").value);
  const highest = parseFloat(getComputedStyle(stage).maxHeight);
  const scale = zoom || Math.min(1, stage.clientWidth / opened.width, highest / opened.height);
  const middle = (scrolled, seen, length) => (length > seen ? (scrolled + seen / 2) / length : 0.5); // of what is visible
  const before = [middle(stage.scrollLeft, stage.clientWidth, canvas.clientWidth),
    middle(stage.scrollTop, stage.clientHeight, canvas.clientHeight)];
  const after = [opened.width * scale, opened.height * scale];
  const resized = Math.abs(canvas.clientWidth - after[0]) > 1;
  canvas.style.width = `${after[0]}px`;
  canvas.style.height = `${after[1]}px`;
  canvas.classList.toggle("large", scale > 1);
  stage.classList.toggle("fits", stage.scrollWidth <= stage.clientWidth && stage.scrollHeight <= stage.clientHeight);
  if (resized) stage.scrollTo(before[0] * after[0] - stage.clientWidth / 2, before[1] * after[1] - stage.clientHeight / 2);
  moveBorder();
}

function visible() { // of the canvas, in pixels of the stage
  const stage = byId("stage"), width = Math.min(stage.clientWidth, byId("canvas").clientWidth);
  return { from: (stage.clientWidth - width) / 2, width };
}

function moveBorder() {
  const { from, width } = visible(), x = width * byId("split").value / 100;
  byId("divider").style.left = `${from + x}px`;
  const border = byId("stage").scrollLeft + x, all = byId("canvas").clientWidth;
  const alone = views.size < 2;
  byId("left-image").style.clipPath = alone ? "" : `inset(0 ${Math.max(0, all - border)}px 0 0)`;
  byId("right-image").style.clipPath = alone ? "" : `inset(0 0 0 ${border}px)`;
}

function drag(event) {
  const { from, width } = visible(), box = byId("stage").getBoundingClientRect();
  byId("split").value = 100 * (event.clientX - box.left - from) / width;
  moveBorder();
}

function pan(event) {
  const stage = byId("stage");
  if (stage.classList.contains("fits")) drag(event);
  else if (event.pointerType === "mouse") stage.scrollBy(-event.movementX, -event.movementY);
}
