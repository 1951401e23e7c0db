"use strict";

const AUTOMATIC = 1.5e6; // pixels up to which every change is encoded at once
const LOWEST_RATE = 0.004, HIGHEST_RATE = 0.25; // bits per pixel, the ends of the budget's slider

let about = { peers: [], missing: [], max_bytes: Infinity, quality: 4 };

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
