"use strict";

const byId = (id) => document.getElementById(id);
const AUTOMATIC = 1.5e6; // pixels up to which every change is encoded at once
const ORIGINAL = "original", OURS = "ulbic";
const LOWEST_RATE = 0.004, HIGHEST_RATE = 0.25; // bits per pixel, the ends of the budget's slider

let about = { peers: [], missing: [], max_bytes: Infinity, quality: 4 };
let opened = null; // { file, stem, isUlb, width, height }
const views = new Map(); // by name: { label, url, bytes, bpp, encode_s, decode_s }
const shown = { left: ORIGINAL, right: OURS }; // the view of each side, once it is there

function node(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const grouped = (count) => count.toLocaleString("en").replaceAll(",", "\u202f");

// What the server answers: lines of JSON, each followed by as many bytes as its "size" says

async function* events(stream) {
  const reader = stream.getReader(), decoder = new TextDecoder();
  let rest = new Uint8Array(0);
  async function more() {
    const { done, value } = await reader.read();
    if (done) return false;
    const joined = new Uint8Array(rest.length + value.length);
    joined.set(rest);
    joined.set(value, rest.length);
    rest = joined;
    return true;
  }
  for (;;) {
    let end;
    while ((end = rest.indexOf(10)) < 0) if (!(await more())) return;
    const event = JSON.parse(decoder.decode(rest.subarray(0, end)));
    rest = rest.subarray(end + 1);
    const parts = [];
    for (let missing = event.size || 0; missing > 0;) {
      if (!rest.length && !(await more())) return;
      const part = rest.subarray(0, missing);
      parts.push(part);
      rest = rest.subarray(part.length);
      missing -= part.length;
    }
    if (event.size) event.blob = new Blob(parts, { type: event.type });
    yield event;
  }
}

async function ask(path, body, signal, take) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body, signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error("The server does not answer.");
  }
  if (!response.ok) throw new Error((await response.json()).error);
  for await (const event of events(response.body)) {
    if (event.error) throw new Error(event.error);
    if (event.done) return;
    if (event.step) step(event);
    else if (event.note) note(event.note);
    else take(event);
  }
  throw new Error("The server broke off.");
}

// One thing at a time: what is wanted next, and what is under way

const wanted = { file: null, encode: false, peers: new Set() };
let stop = null, began = 0;

function next() {
  if (wanted.file) { const { file } = wanted; wanted.file = null; return (signal) => openFile(file, signal); }
  if (wanted.encode) { wanted.encode = false; return encode; }
  for (const name of wanted.peers) { wanted.peers.delete(name); return (signal) => codeWithPeer(name, signal); }
  return null;
}

async function work() {
  if (stop) return;
  for (let action = next(); action; action = next()) {
    stop = new AbortController();
    complain("");
    begin();
    try {
      await action(stop.signal);
    } catch (error) {
      if (error.name !== "AbortError") complain(error.message);
    }
  }
  stop = null;
  byId("progress").hidden = true;
  byId("encode").disabled = false;
}

function cancel() {
  Object.assign(wanted, { file: null, encode: false });
  wanted.peers.clear();
  if (stop) stop.abort();
}

function begin() {
  began = performance.now();
  byId("progress").hidden = false;
  byId("encode").disabled = true;
  step({ step: "Sending" });
}

function step({ step: text, done_steps: done, steps }) {
  byId("status").textContent = steps ? `${text} (${done + 1} of ${steps})` : text;
  byId("bar").removeAttribute("value");
}

setInterval(() => { if (stop) byId("clock").textContent = `${((performance.now() - began) / 1000).toFixed(1)} s`; }, 100);

function note(text) {
  byId("notes").append(node("li", {}, text));
}

function complain(text) {
  byId("error").hidden = !text;
  byId("error-text").textContent = text;
}

// The three things that can be wanted

function choose(file) {
  if (file.size > about.max_bytes) {
    complain(`The file has more than ${grouped(about.max_bytes)} bytes.`);
    return;
  }
  cancel();
  wanted.file = file;
  work();
}

async function openFile(file, signal) {
  let figures = {}, isUlb = false;
  await ask("/open", file, signal, (event) => {
    if (event.part === "file") { figures = event; isUlb = true; return; }
    forget(() => true);
    const stem = (file.name || "picture").replace(/\.[^.]*$/, "");
    opened = { file, stem, isUlb, width: event.width, height: event.height };
    byId("name").textContent = `${file.name || "pasted picture"}, ${event.width} × ${event.height}`;
    byId("name").hidden = false;
    document.body.classList.remove("empty");
    byId("work").hidden = false;
    byId("notes").replaceChildren();
    byId("rate").hidden = isUlb;
    byId("peers").hidden = true;
    Object.assign(shown, isUlb ? { left: OURS, right: OURS } : { left: ORIGINAL, right: OURS });
    setBudget(Number(byId("bytes").value) || Math.round(0.03 * pixels() / 8));
    if (isUlb) show(OURS, { ...figures, ...event, label: "ulbic" });
    else show(ORIGINAL, { ...event, label: "Original", bytes: file.size, bpp: 8 * file.size / pixels() });
    if (isUlb) offer(null, event.blob);
  });
  if (!isUlb) wanted.encode = true;
}

async function encode(signal) {
  const byBudget = rateKind() === "budget";
  const query = byBudget ? `target_size=${byId("bytes").value}` : `quality=${byId("quality").value}`;
  let figures = {};
  byId("notes").replaceChildren();
  await ask(`/encode?${query}`, opened.file, signal, (event) => {
    if (event.part === "file") { figures = event; return; }
    const old = [shown.left, shown.right].filter((name) => name !== ORIGINAL && name !== OURS);
    forget((name) => name !== ORIGINAL && name !== OURS);
    for (const name of old) if (pixels() <= AUTOMATIC) wanted.peers.add(name);
    show(OURS, { ...figures, ...event, label: byBudget ? "ulbic" : `ulbic, q ${byId("quality").value}` });
    offer(figures.blob, event.blob);
    byId("peers").hidden = !about.peers.length;
  });
}

async function codeWithPeer(name, signal) {
  const { label } = about.peers.find((peer) => peer.name === name);
  let figures = {};
  await ask(`/peer?codec=${name}&size=${views.get(OURS).bytes}`, opened.file, signal, (event) => {
    if (event.part === "peer-file") { figures = event; return; }
    show(name, { ...figures, ...event, label });
    const more = figures.bytes / views.get(OURS).bytes - 1;
    if (more > 0.1) note(`${label} comes no nearer than ${grouped(figures.bytes)} bytes: ${Math.round(100 * more)} % more.`);
  });
}

// Settings

const pixels = () => opened.width * opened.height;
const rateKind = () => document.querySelector("input[name=rate]:checked").value;
const budgetEnds = () => [LOWEST_RATE, HIGHEST_RATE].map((rate) => Math.max(40, rate * pixels() / 8));

function setBudget(bytes) {
  const [low, high] = budgetEnds();
  byId("bytes").value = bytes;
  byId("budget").value = high > low ? 1000 * Math.log(bytes / low) / Math.log(high / low) : 1000;
}

function slideBudget() {
  const [low, high] = budgetEnds();
  byId("bytes").value = Math.round(low * (high / low) ** (byId("budget").value / 1000));
}

function changed() {
  byId("quality-value").textContent = byId("quality").value;
  byId("by-quality").hidden = rateKind() !== "quality";
  byId("by-budget").hidden = rateKind() !== "budget";
  if (opened && pixels() <= AUTOMATIC) askForEncoding();
}

function askForEncoding() {
  if (!opened || opened.isUlb || !byId("panel").reportValidity()) return;
  wanted.encode = true;
  if (stop) stop.abort(); // of what is under way, nothing would be of use
  work();
}

function offer(file, picture) {
  byId("downloads").hidden = false;
  for (const [id, blob, name] of [["file", file, `${opened.stem}.ulb`], ["picture", picture, `${opened.stem}.decoded.png`]]) {
    const link = byId(`download-${id}`);
    if (link.href) URL.revokeObjectURL(link.href);
    link.hidden = !blob;
    link.removeAttribute("href");
    if (blob) Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  }
}

// Pictures, side by side under a border that moves

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

// The page

for (const [id, move] of [["divider", drag], ["stage", pan]]) {
  byId(id).addEventListener("pointerdown", (event) => {
    if (event.button || event.offsetX > event.target.clientWidth || event.offsetY > event.target.clientHeight) return; // scroll bars
    byId(id).setPointerCapture(event.pointerId);
    if (move === drag || byId("stage").classList.contains("fits")) drag(event);
  });
  byId(id).addEventListener("pointermove", (event) => { if (byId(id).hasPointerCapture(event.pointerId)) move(event); });
}
byId("stage").addEventListener("scroll", moveBorder);
byId("split").addEventListener("input", moveBorder);
for (const side of ["left", "right"]) {
  byId(side).addEventListener("change", () => { shown[side] = byId(side).value; draw(); });
}
for (const radio of document.querySelectorAll("input[name=zoom]")) radio.addEventListener("change", place);
for (const radio of document.querySelectorAll("input[name=rate]")) radio.addEventListener("change", changed);
new ResizeObserver(place).observe(byId("frame"));

byId("quality").addEventListener("input", () => { byId("quality-value").textContent = byId("quality").value; });
byId("quality").addEventListener("change", changed);
byId("budget").addEventListener("input", slideBudget);
byId("budget").addEventListener("change", changed);
byId("bytes").addEventListener("change", () => { setBudget(byId("bytes").value); changed(); });
byId("panel").addEventListener("submit", (event) => { event.preventDefault(); askForEncoding(); });
byId("stop").addEventListener("click", cancel);
byId("dismiss").addEventListener("click", () => complain(""));
byId("file").addEventListener("change", () => { if (byId("file").files[0]) choose(byId("file").files[0]); byId("file").value = ""; });
byId("sample").addEventListener("click", async () => {
  const response = await fetch("/sample");
  if (response.ok) choose(new File([await response.blob()], "photograph.jpg"));
  else complain((await response.json()).error);
});
document.addEventListener("paste", (event) => { if (event.clipboardData.files[0]) choose(event.clipboardData.files[0]); });
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]);
});

fetch("/about").then((response) => response.json()).then((answer) => {
  about = answer;
  byId("quality").value = about.quality;
  byId("peers-missing").textContent = about.missing.join(". ");
  byId("peer-buttons").replaceChildren(...about.peers.map(({ name, label }) => {
    const button = node("button", { type: "button", value: name, "aria-pressed": "false" }, label);
    button.addEventListener("click", () => {
      shown.left = name;
      if (views.has(name)) draw();
      else { wanted.peers.add(name); work(); }
    });
    return button;
  }));
  changed();
});
