"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function node(name, attributes = {}, ...children) {
  const drawn = ["svg", "g", "path", "line", "text", "circle"].includes(name);
  const element = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function number(value, digits = 4) {
  if (value === null || value === undefined) return "n/a";
  return String(Number(value.toPrecision(digits)));
}

function fill(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => node("option", { value }, text)));
  if (chosen !== undefined) select.value = chosen;
}

// Curves

const MARKERS = [
  "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0", "M-3.5-3.5h7v7h-7z", "M0-4.5L4.5 3.5H-4.5z", "M0-5L5 0L0 5L-5 0z", "M0 4.5L4.5-3.5H-4.5z",
  "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z", "M-4-4L4 4M4-4L-4 4", "M-4.5 0L3.5-4.5V4.5z", "M4.5 0L-3.5-4.5V4.5z",
];
const hidden = new Set();

function marker(index, x, y) {
  const colour = data.colours[index];
  return node("path", { d: MARKERS[index], transform: `translate(${x} ${y})`, fill: colour, stroke: colour, "stroke-width": 1.5 });
}

function pointsOf(curve, key) {
  const values = curve.columns[key] || [];
  return values.flatMap((value, i) =>
    value === null ? [] : [{ curve, setting: curve.settings[i], bpp: curve.columns.bpp[i], value }]);
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(8)));
  return found;
}

function logTicks(low, high) {
  const found = [];
  for (let power = -4; power < 3; power++) {
    for (const mantissa of [1, 2, 5]) found.push(Number((mantissa * 10 ** power).toPrecision(3)));
  }
  return found.filter((tick) => tick >= low && tick <= high);
}

function drawChart() {
  const metric = data.metrics.find((m) => m.key === byId("metric").value);
  const own = data.curves.map((curve, index) => ({ curve, index })).filter(({ curve }) => !hidden.has(curve.codec));
  const measured = own.map(({ curve, index }) => ({ index, points: pointsOf(curve, metric.key) })).filter((s) => s.points.length);
  const overlay = byId("published").checked ? data.published : [];
  const published = overlay.map((curve) => ({ index: -1, points: pointsOf(curve, metric.key) })).filter((s) => s.points.length);
  const series = [...published, ...measured];
  const all = series.flatMap((s) => s.points);
  const chart = byId("chart");
  if (!all.length) { chart.replaceChildren("No values of this metric."); return; }

  const width = chart.clientWidth, height = Math.min(480, Math.max(300, width * 0.6));
  const left = 62, right = 12, top = 12, bottom = 48;
  const rates = all.map((p) => p.bpp), values = all.map((p) => p.value);
  const lowRate = Math.min(...rates) / 1.12, highRate = Math.max(...rates) * 1.12;
  const span = (Math.max(...values) - Math.min(...values)) || 1;
  const low = Math.min(...values) - 0.05 * span, high = Math.max(...values) + 0.05 * span;
  const x = (rate) => left + (width - left - right) * Math.log(rate / lowRate) / Math.log(highRate / lowRate);
  const y = (value) => height - bottom - (height - top - bottom) * (value - low) / (high - low);

  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${metric.axis} over rate` });
  for (const tick of logTicks(lowRate, highRate)) {
    svg.append(node("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: height - bottom }),
      node("g", { class: "tick" }, node("text", { x: x(tick), y: height - bottom + 17, "text-anchor": "middle" }, String(tick))));
  }
  for (const tick of ticks(low, high, 6)) {
    svg.append(node("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      node("g", { class: "tick" }, node("text", { x: left - 7, y: y(tick) + 4, "text-anchor": "end" }, String(tick))));
  }
  const better = metric.lower_is_better ? "lower is better" : "higher is better";
  svg.append(
    node("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, "rate [bits per pixel], logarithmic"),
    node("text", { transform: `translate(15 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
      `${metric.axis}, ${better}`));

  for (const { index, points } of series) {
    const d = points.map((p, i) => `${i ? "L" : "M"}${x(p.bpp).toFixed(1)} ${y(p.value).toFixed(1)}`).join("");
    if (index < 0) {
      svg.append(node("path", { class: "curve published", d }));
      if (width > 600) {
        const at = { x: x(points[0].bpp) - 2, y: y(points[0].value) - 5 };
        svg.append(node("text", { class: "published-label", ...at }, points[0].curve.label));
      }
    } else {
      svg.append(node("path", { class: "curve", d, stroke: data.colours[index] }),
        ...points.map((p) => marker(index, x(p.bpp), y(p.value))));
    }
  }
  const halo = node("circle", { r: 9, fill: "none", stroke: "#1b1f24", "stroke-width": 2, visibility: "hidden" });
  const tip = node("div", { class: "tip", hidden: "" });
  svg.append(halo);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const px = event.clientX - box.left, py = event.clientY - box.top;
    const away = (p) => Math.hypot(x(p.bpp) - px, y(p.value) - py);
    const nearest = all.reduce((a, b) => (away(b) < away(a) ? b : a));
    const close = away(nearest) < 40;
    halo.setAttribute("visibility", close ? "visible" : "hidden");
    tip.hidden = !close;
    if (!close) return;
    halo.setAttribute("cx", x(nearest.bpp));
    halo.setAttribute("cy", y(nearest.value));
    const { curve } = nearest;
    const what = data.curves.includes(curve) ? `${curve.label}, setting ${nearest.setting}` : `${curve.label} (${curve.codec})`;
    tip.textContent = `${what}: ${number(nearest.bpp)} bpp, ${metric.label} ${number(nearest.value)} ${metric.unit}`;
    tip.style.left = `${Math.min(Math.max(x(nearest.bpp) - 60, 0), Math.max(width - tip.offsetWidth, 0))}px`;
    tip.style.top = `${y(nearest.value) + (y(nearest.value) > height / 2 ? -tip.offsetHeight - 14 : 14)}px`;
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; halo.setAttribute("visibility", "hidden"); });
  chart.replaceChildren(svg, tip);
}

function drawLegend() {
  byId("legend").replaceChildren(...data.curves.map((curve, index) => {
    const key = node("svg", { viewBox: "-14 -7 28 14" },
      node("line", { x1: -13, x2: 13, y1: 0, y2: 0, stroke: data.colours[index], "stroke-width": 2.2 }), marker(index, 0, 0));
    const button = node("button", { type: "button", "aria-pressed": !hidden.has(curve.codec) }, key, curve.label);
    button.addEventListener("click", () => {
      if (!hidden.delete(curve.codec)) hidden.add(curve.codec);
      drawLegend();
      drawChart();
    });
    return button;
  }));
}

// Tables

function table(element, head, rows) {
  const row = (cells, tag) => node("tr", {}, ...cells.map((cell) => node(tag, {}, cell)));
  element.replaceChildren(node("thead", {}, row(head, "th")), node("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
}

function drawMeans() {
  const head = ["codec", "setting", "bytes", "bpp", ...data.metrics.map((m) => m.axis), "encode [s]", "decode [s]", "peak memory [MiB]"];
  const keys = ["bpp", ...data.metrics.map((m) => m.key), "encode_s", "decode_s"];
  const whole = (value) => (value === null ? "n/a" : value.toFixed(0));
  table(byId("means"), head, data.curves.flatMap((curve) => curve.settings.map((setting, i) => [
    curve.label, String(setting), whole(curve.columns.bytes[i]),
    ...keys.map((key) => number(curve.columns[key][i])), whole(curve.columns.peak_mib[i])])));
}

function drawBdRates() {
  const metrics = data.metrics.filter((m) => m.has_bd_rate);
  const rates = data.bd_rate[byId("anchor").value] || {};
  const percent = (value) => (value === null ? "n/a" : `${value > 0 ? "+" : ""}${value.toFixed(1)} %`);
  const labels = Object.fromEntries(data.curves.map((curve) => [curve.codec, curve.label]));
  table(byId("bd"), ["codec", ...metrics.map((m) => m.label)],
    Object.entries(rates).map(([codec, row]) => [labels[codec], ...metrics.map((m) => percent(row[m.key]))]));
}

// Before and after

const currentPicture = () => data.pictures[Number(byId("picture").value)];

function choosePicture() {
  const { versions } = currentPicture();
  const entries = versions.map((v, i) => [String(i), v.label]);
  const kept = (id, otherwise) => (byId(id).value in versions ? byId(id).value : otherwise);
  fill(byId("left"), entries, kept("left", "0"));
  fill(byId("right"), entries, kept("right", String(Math.min(1, versions.length - 1))));
  showPictures();
}

function showPictures() {
  const { name, width, height, versions } = currentPicture();
  for (const side of ["left", "right"]) {
    const version = versions[Number(byId(side).value)];
    const figures = version.bytes === null ? [] : [`${version.bytes} bytes`, `${number(version.bpp)} bpp`,
      ...data.metrics.filter((m) => m.has_bd_rate).map((m) => `${m.label} ${number(version.metrics[m.key], 3)}`)];
    byId(`${side}-image`).src = version.source;
    byId(`${side}-image`).alt = `${name}, ${version.label}`;
    byId(`${side}-caption`).textContent = [version.label, ...figures].join(" · ");
  }
  const zoom = Number(byId("zoom").value);
  byId("canvas").style.width = zoom ? `${width * zoom}px` : `min(100%, ${78 * width / height}vh)`;
  byId("canvas").classList.toggle("large", zoom > 1);
}

function moveSplit(percent) {
  byId("split").value = percent;
  byId("canvas").style.setProperty("--split", `${byId("split").value}%`);
}

function dragSplit(event) {
  const box = byId("canvas").getBoundingClientRect();
  moveSplit(100 * (event.clientX - box.left) / box.width);
}

// The page

byId("summary").textContent = data.summary;
byId("notes").replaceChildren(...data.notes.map((line) => node("li", {}, line)));
byId("published-control").hidden = !data.published.length;
fill(byId("metric"), data.metrics.map((m) => [m.key, m.axis]));
fill(byId("anchor"), data.curves.map((curve) => [curve.codec, curve.label]), data.anchor);
fill(byId("picture"), data.pictures.map((picture, i) => [String(i), picture.name]));
for (const [id, redraw] of [["metric", drawChart], ["published", drawChart], ["anchor", drawBdRates],
  ["picture", choosePicture], ["left", showPictures], ["right", showPictures], ["zoom", showPictures]]) {
  byId(id).addEventListener("change", redraw);
}
byId("split").addEventListener("input", () => moveSplit(byId("split").value));
byId("canvas").addEventListener("click", dragSplit);
byId("divider").addEventListener("pointerdown", (event) => event.target.setPointerCapture(event.pointerId));
byId("divider").addEventListener("pointermove", (event) => { if (event.buttons) dragSplit(event); });
window.addEventListener("resize", drawChart);
drawLegend();
drawChart();
drawMeans();
drawBdRates();
choosePicture();
