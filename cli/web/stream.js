"use strict";

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

// One thing at a time: what is wanted next, and what is under way; script.js does the three things

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
