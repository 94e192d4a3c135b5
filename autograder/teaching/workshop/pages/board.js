"use strict";
// Draws what the board sends. Everything that people typed goes in as text, never as HTML.
const page = document.body.dataset.page;
const at = (id) => document.getElementById(id);
const DUE = (state, i) => `by ${state.clock.ends[i]} min`;
const SIGNS = { untouched: "", trying: "…", passed: "✓", stuck: "!" };
const WORDS = { untouched: "not begun", trying: "trying", passed: "passed", stuck: "stuck for more than 10 minutes" };
let shown = null;

function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A long name may break after an underscore and before a capital.
const breakable = (name) => name.replace(/_/g, "_\u200b").replace(/([a-z])([A-Z])/g, "$1\u200b$2");

// A sentence in which `code` is set as code.
function sentence(text) {
  return text.split("`").map((part, i) => (i % 2 ? make("code", part) : document.createTextNode(part)));
}

function drawGrid(state) {
  const head = make("tr");
  head.append(make("th", "learner", { scope: "col" }));
  const due = state.clock.ends.findIndex((end) => state.clock.elapsed === null || state.clock.elapsed <= end);
  state.exercises.forEach(([name], i) => {
    const th = make("th", null, { scope: "col" });
    if (i === due && state.clock.elapsed !== null) th.className = "now";
    th.append(make("span", breakable(name), { class: "name" }), make("span", DUE(state, i), { class: "due" }));
    head.append(th);
  });
  if (page !== "wall") head.append(make("th", `marks of ${state.of}`, { scope: "col" }));
  const body = make("tbody");
  for (const one of state.people) {
    const row = make("tr");
    row.append(make("th", one.name, { scope: "row", title: one.name }));
    one.row.forEach((what, i) => {
      const caught = one.caught.includes(i) ? ", took the course's answer" : "";
      const label = `${one.name}, ${state.exercises[i][0]}: ${WORDS[what]}, ${one.tries[i]} tries${caught}`;
      row.append(make("td", SIGNS[what] + (caught ? "↓" : ""), { class: `cell ${what}`, title: label, "aria-label": label }));
    });
    if (page !== "wall") row.append(make("td", one.points === null ? "" : String(one.points)));
    body.append(row);
  }
  const table = at("grid"), foot = make("tfoot"), sums = make("tr");
  sums.append(make("th", `${state.people.length} people`, { scope: "row" }));
  state.exercises.forEach((_, i) => sums.append(make("td", `${state.people.filter((one) => one.row[i] === "passed").length} ✓`)));
  foot.append(sums);
  const top = make("thead");
  top.append(head);
  table.replaceChildren(top, body, foot);
  at("legend").replaceChildren(...["untouched", "trying", "passed", "stuck"].map((what) => {
    const span = make("span");
    span.append(make("i", null, { class: what }), WORDS[what]);
    return span;
  }));
}

// A learner's own page: one exercise a line, so that it fits a phone.
function drawOwn(state) {
  const one = state.people[0], body = make("tbody");
  state.exercises.forEach(([name], i) => {
    const row = make("tr"), what = one.row[i];
    row.append(make("th", breakable(name), { scope: "row" }), make("td", SIGNS[what], { class: `cell ${what}`, "aria-hidden": "true" }));
    row.append(make("td", `${WORDS[what]}, ${one.tries[i]} ${one.tries[i] === 1 ? "try" : "tries"}`, { class: "words" }), make("td", DUE(state, i), { class: "words due" }));
    body.append(row);
  });
  const foot = make("tfoot"), sums = make("tr");
  sums.append(make("th", "marks", { scope: "row" }), make("td", ""), make("td", one.points === null ? "none yet" : `${one.points} of ${state.of}`, { class: "words", colspan: "2" }));
  foot.append(sums);
  at("grid").replaceChildren(make("caption", one.name), body, foot);
  const out = state.exercises.filter(([, , released]) => released);
  at("answers").hidden = !out.length;
  at("released").replaceChildren(...out.map(([name]) => {
    const row = make("li");
    row.append(make("code", `course.catch_up("${name}")`));
    return row;
  }));
  if (state.told) at("told").textContent = state.told;
}

function drawJoining(joining) {
  at("joining").hidden = !joining;
  if (!joining) return;
  at("address").textContent = joining.address;
  at("code").textContent = joining.code;
}

function drawMistakes(state) {
  const rows = state.mistakes.map(([people, exercise, mistake]) => {
    const row = make("li");
    row.append(make("b", `${people} ${people === 1 ? "person" : "people"}: `), ...sentence(mistake), make("small", exercise));
    return row;
  });
  at("mistakes").replaceChildren(...(rows.length ? rows : [make("li", "Nothing in the last ten minutes.", { class: "small" })]));
}

async function command(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "X-Workshop": "1", "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) at("link").textContent = "That did not work: load the page again.";
}

function drawDesk(state) {
  at("releases").replaceChildren(...state.exercises.map(([name, , out]) => {
    const label = out ? `Take the answer to ${name} back` : `Release the answer to ${name}`;
    const row = make("li"), button = make("button", out ? "take back" : "release", { type: "button", "aria-label": label, "aria-pressed": String(out) });
    if (out) button.className = "on";
    button.addEventListener("click", () => command("release", { exercise: name, on: !out }));
    row.append(make("code", name), button);
    return row;
  }));
  const open = Boolean(state.joining), button = at("let_in");
  button.textContent = open ? "Take the join code off the projector" : "Put the join code on the projector";
  button.dataset.on = open ? "" : "1";
  const choice = at("lab");
  if (!choice.options.length) for (const [name, title] of state.labs) choice.append(make("option", title, { value: name }));
  choice.value = state.lab;
}

function drawClock() {
  if (!shown) return;
  const { elapsed, planned } = shown.clock;
  const now = elapsed === null ? null : elapsed + (Date.now() - shown.came) / 60000;
  at("clock").textContent = now === null ? `${planned} minutes planned` : `${Math.floor(now)} of ${planned} minutes`;
}

function draw(state) {
  shown = { ...state, came: Date.now() };
  at("title").textContent = state.title;
  if (page === "own") drawOwn(state);
  else drawGrid(state);
  if (page === "wall") drawJoining(state.joining);
  if (page !== "own") drawMistakes(state);
  if (page === "desk") drawDesk(state);
  drawClock();
  document.body.dataset.drawn = String(state.now);
}

// The board speaks every second. One that is silent has died, and the proxy may not tell: ask again.
const SILENCE = 4000;
let source = null, heard = 0;

function watch() {
  if (source) source.close();
  source = new EventSource(`stream?${new URLSearchParams(location.search)}`);
  heard = Date.now();
  const alive = () => { heard = Date.now(); at("link").textContent = ""; };
  source.onmessage = (news) => { alive(); draw(JSON.parse(news.data)); };
  source.addEventListener("beat", alive);
  source.onerror = () => {
    at("link").textContent = "Waiting for the board …";
    // Refused rather than broken: the session has ended, and loading the page opens another.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
}

setInterval(() => {
  if (Date.now() - heard < SILENCE || source.readyState === EventSource.CLOSED) return;
  at("link").textContent = "Waiting for the board …";
  watch();
}, 1000);

if (page === "desk") {
  at("lab").addEventListener("change", (event) => { location.search = `?lab=${encodeURIComponent(event.target.value)}`; });
  at("let_in").addEventListener("click", () => command("joining", { on: at("let_in").dataset.on === "1" }));
  at("begin").addEventListener("click", () => command("begin", { lab: at("lab").value }));
}
setInterval(drawClock, 10000);
watch();
