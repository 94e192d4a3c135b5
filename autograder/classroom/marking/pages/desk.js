"use strict";
// The marker's page. What learners and markers typed goes in as text; answers come as HTML that the server has made safe.
const at = (id) => document.getElementById(id);
const tab = Math.random().toString(36).slice(2);
const state = { overview: null, question: null, here: "", undo: [], reuse: false, drafts: new Map() };

function make(tag, text, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  if (text !== null && text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}
const html = (tag, text, attributes) => { const made = make(tag, null, attributes); made.innerHTML = text; return made; };
const points = (number) => (number === null ? "–" : String(Math.round(number * 100) / 100));
const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const when = (text) => (text ? new Date(text).toLocaleString([], { dateStyle: "short", timeStyle: "short" }) : "");
const title = (name) => name.replace(/_/g, " ");
function say(text, bad = false) { at("said").textContent = text; at("said").className = bad ? "bad" : ""; }

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "X-Marking": "1", "Content-Type": "application/json" }, body: JSON.stringify({ ...body, marker: at("marker").value, tab }), keepalive: true } : {};
  let answer;
  try { answer = await fetch(`api/${path}`, options); } catch { throw Object.assign(new Error("The desk does not answer. Is the command still running in its terminal?"), { status: 0 }); }
  const found = await answer.json().catch(() => ({ error: "The desk could not do that; its terminal says why." }));
  if (!answer.ok) throw Object.assign(new Error(found.error), { status: answer.status });
  return found;
}

// marking

const group = (key) => state.question.groups.find((one) => one.key === key);
const waits = (one) => one.members.some((member) => member.waits);
const first = (one) => one.members[0];
const seenOf = (one) => Object.fromEntries(one.members.map((member) => [member.id, [member.score, member.waits, member.comment]]));

function scoreOf(lines) {
  const sum = lines.reduce((total, number) => total + (state.question.rubric[number].points || 0), 0);
  return Math.min(Math.max(sum, 0), state.question.points);
}

// What is clicked shows at once, and the next key is for the next answer. Recording follows, one after the other; what is not
// recorded yet is kept by the browser, so that a page that is closed sends it when it is opened again.
const outbox = new Map(), seen = new Map();  // both by question and key: what is to be recorded, and what the server last told
const place = (key, question = state.question.name) => `${question}/${key}`;
const keepOutbox = () => localStorage.setItem(`outbox:${state.overview.lab}`, JSON.stringify([...outbox]));
let working = null;
let changes = 0;  // counts what is clicked and what is recorded: a question to the server that was under way meanwhile has an old answer

function record(key, change, undoable = true) {
  const one = group(key), question = state.question.name, here = place(key), before = outbox.get(here);
  const wanted = typeof change === "function" ? change(first(one)) : change;
  if (undoable) state.undo.push({ key, score: first(one).score, lines: first(one).lines, comment: first(one).comment });
  const base = before ? before.base : JSON.stringify(Object.values(seen.get(here)));
  for (const member of one.members) {
    if (wanted.score !== undefined) Object.assign(member, { score: wanted.score, lines: wanted.lines, waits: wanted.score === null, manual: true, again: false, by: at("marker").value, at: "" });
    if (wanted.comment !== undefined) member.comment = wanted.comment;
  }
  if (wanted.comment !== undefined) state.drafts.delete(key);
  if (wanted.comment && !state.question.comments.includes(wanted.comment)) { state.question.comments.push(wanted.comment); comments(); }
  const name = one.empty ? "no answer" : first(one).name;
  outbox.set(here, { question, base, name, most: state.question.points, score: first(one).score, lines: first(one).lines, comment: wanted.comment ?? before?.comment ?? null });
  changes += 1;
  keepOutbox(); update(one); progress();
  return work();
}

function work() {
  if (working || !outbox.size) return working;
  working = (async () => {
    while (outbox.size) {
      const [here, entry] = outbox.entries().next().value;
      try {
        const groups = await send(here, entry);
        changes += 1;
        learn(groups, entry.question, outbox.get(here) === entry ? here : "");
        say(`Recorded: ${entry.name}, ${entry.score === null ? "no points yet" : `${points(entry.score)} of ${points(entry.most)}`}.`);
      } catch (error) {
        outbox.delete(here);
        if (error.status === 409 || error.status === 400) await ask(`state/${entry.question}?tab=${tab}`).then((found) => learn(found.groups, entry.question)).catch(() => {});
        say(`${entry.name}: ${error.message}`, true);
      }
      keepOutbox();
    }
    working = null;
  })();
  return working;
}

async function send(here, entry) {
  for (let first = true; ; first = false) {
    try {
      if (!seen.has(here)) {  // from before this page was opened
        for (const one of (await ask(`question/${entry.question}`)).groups) seen.set(place(one.key, entry.question), seenOf(one));
        if (JSON.stringify(Object.values(seen.get(here) ?? {})) !== entry.base) throw Object.assign(new Error("this was not recorded before the page was closed, and has changed meanwhile."), { status: 409 });
      }
      const { question, score, lines, comment } = entry;
      return (await ask("mark", { question, score, lines, comment, ids: Object.keys(seen.get(here)), seen: seen.get(here) })).groups;
    } catch (error) {
      if (![0, 503, 507].includes(error.status)) throw error;
      if (first) say(`${error.message} Not recorded yet: ${entry.name}.`, true);
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

function learn(groups, question, sent = "") {
  if (sent) outbox.delete(sent);
  for (const one of groups) seen.set(place(one.key, question), seenOf(one));
  if (state.question && state.question.name === question) take(groups);
}

function clickLine(key, number) {
  return record(key, (now) => {
    const lines = now.lines.includes(number) ? now.lines.filter((one) => one !== number) : [...now.lines, number].sort((a, b) => a - b);
    return { lines, score: scoreOf(lines) };
  });
}

function setScore(key, score) {
  if (score !== null && !(score >= 0 && score <= state.question.points)) return say(`Points go from 0 to ${points(state.question.points)}.`, true);
  return record(key, { score, lines: [] });
}

const full = (key) => record(key, () => {
  const lines = [];  // the lines that make full points, in their order
  state.question.rubric.forEach((line, number) => { if (line.points > 0 && scoreOf(lines) < state.question.points) lines.push(number); });
  return { lines, score: state.question.points };
});

function undo() {
  const last = state.undo.pop();
  if (!last) return say("There is nothing to take back.");
  record(last.key, { score: last.score, lines: last.lines, comment: last.comment }, false);
  go(last.key);
}

const timers = new Map();
function draft(key, text) {
  state.drafts.set(key, text);
  localStorage.setItem(`draft:${state.question.name}:${key}`, text);
  clearTimeout(timers.get(key));
  timers.set(key, setTimeout(() => keepComment(key), 900));
}
function keepComment(key) {
  clearTimeout(timers.get(key));
  const text = state.drafts.get(key), kept = `draft:${state.question.name}:${key}`;
  if (text === undefined) return;
  state.drafts.delete(key);
  if (text !== first(group(key)).comment) record(key, { comment: text });
  localStorage.removeItem(kept);
}

function useComment(key, text) {
  const box = document.querySelector(`article[data-key="${key}"] textarea`);
  const now = box ? box.value.trim() : "";
  const wanted = now && !now.includes(text) ? `${now}\n\n${text}` : text;
  if (box) box.value = wanted;
  state.drafts.delete(key);
  record(key, { comment: wanted });
}

// moving

function go(key, scroll = true) {
  if (state.here && state.here !== key && group(state.here)) keepComment(state.here);
  state.here = key;
  for (const card of document.querySelectorAll("article")) {
    card.classList.toggle("here", card.dataset.key === key);
    if (card.dataset.key === key && scroll) card.scrollIntoView({ block: "nearest" });
  }
  if (key && group(key)) ask("hold", { question: state.question.name, key }).then((found) => { state.question.held = found.held; holders(); }).catch(() => {});
}
function step(way) {
  const keys = state.question.groups.map((one) => one.key), now = keys.indexOf(state.here);
  const next = keys[Math.min(Math.max(now + way, 0), keys.length - 1)];
  if (next) go(next);
}
function next() {
  const all = state.question.groups, now = all.findIndex((one) => one.key === state.here);
  const order = [...all.slice(now + 1), ...all.slice(0, now + 1)];
  const free = order.find((one) => waits(one) && !state.question.held[one.key]);
  if (free) return go(free.key);
  const left = order.filter(waits).length;
  if (left) return say(`${counted(left, "answer is", "answers are")} being marked by somebody else.`);
  const other = state.overview.questions.find((one) => one.name !== state.question.name && one.waits);
  say(other ? `All answers to this question are marked. Next: ${title(other.name)}.` : "All answers are marked.");
}

// drawing

function take(groups) {
  const before = new Map(state.question.groups.map((one) => [one.key, one]));
  const same = groups.length === state.question.groups.length && groups.every((one, i) => one.key === state.question.groups[i].key);
  state.question.groups = groups.map((one) => {
    const known = before.get(one.key);
    return { ...one, html: one.html ?? known?.html ?? "", members: known && outbox.has(place(one.key)) ? known.members : one.members };
  });
  if (same) state.question.groups.forEach(update); else answers();
  progress();
}

function rubric(one) {
  const list = make("ul", null, { class: "rubric", "aria-label": "Rubric" });
  state.question.rubric.forEach((line, number) => {
    if (line.points === null) return;
    const button = make("button", null, { type: "button", "data-line": number, "aria-pressed": "false" });
    button.append(make("b", `${line.points > 0 ? "+" : ""}${points(line.points)}`), html("span", line.says.replace(/^<p>|<\/p>\s*$/g, "")));
    button.addEventListener("click", () => { go(one.key, false); clickLine(one.key, number); });
    list.append(make("li", null, {}, button));
  });
  return list;
}

function card(one) {
  const made = make("article", null, { "data-key": one.key });
  const many = one.members.length > 1;
  const names = one.members.map((member) => member.name);
  const head = make("div", null, { class: "who" }, make("h3", one.empty ? `No answer: ${counted(names.length, "learner", "learners")}` : many ? `The same from ${names.length}` : names[0]));
  head.append(make("span", one.empty ? "" : counted(one.words, "word", "words"), { class: "soft" }));
  made.append(head);
  if (many || one.empty) made.append(make("details", null, {}, make("summary", "Who"), make("p", names.join(", "))));
  if (!one.empty) made.append(html("div", one.html, { class: "text" }));
  made.append(make("p", null, { class: "warn objection" }), rubric(one));
  const number = make("input", null, { type: "number", min: 0, max: state.question.points, step: 0.25, "aria-label": `Points of ${points(state.question.points)} for ${one.empty ? "no answer" : names[0]}` });
  number.addEventListener("change", () => setScore(one.key, number.value === "" ? null : Number(number.value)));
  const all = make("button", `All ${points(state.question.points)}`, { type: "button" });
  all.addEventListener("click", () => { go(one.key, false); full(one.key); });
  const none = make("button", "None", { type: "button" });
  none.addEventListener("click", () => { go(one.key, false); setScore(one.key, 0); });
  made.append(make("div", null, { class: "given" }, number, make("span", `of ${points(state.question.points)} points`), all, none));
  const box = make("textarea", null, { "aria-label": `Comment for ${one.empty ? "no answer" : names[0]}`, placeholder: "Comment for the learner", rows: 2 });
  box.addEventListener("input", () => draft(one.key, box.value));
  box.addEventListener("blur", () => keepComment(one.key));
  box.addEventListener("focus", () => go(one.key, false));
  made.append(box, make("ul", null, { class: "again", "aria-label": "Comments used before" }));
  const object = make("button", "The learner objects", { type: "button" });
  object.addEventListener("click", () => objects(one));
  made.append(make("p", null, { class: "log" }), ...(one.empty || many ? [] : [object]));
  return made;
}

function update(one) {
  const card = document.querySelector(`article[data-key="${CSS.escape(one.key)}"]`);
  if (!card) return;
  const member = first(one);
  card.classList.toggle("done", !waits(one));
  for (const button of card.querySelectorAll("[data-line]")) button.setAttribute("aria-pressed", String(member.lines.includes(Number(button.dataset.line))));
  const number = card.querySelector("input[type=number]");
  if (document.activeElement !== number) number.value = member.score === null ? "" : member.score;
  const box = card.querySelector("textarea");
  if (document.activeElement !== box) box.value = state.drafts.get(one.key) ?? member.comment;
  const objection = one.members.map((each) => each.request).find(Boolean);
  const objections = card.querySelector(".objection");
  objections.replaceChildren();
  if (objection) {
    const done = make("button", "Looked at", { type: "button" });
    done.addEventListener("click", () => ask("answer", { key: objection.key, words: "" }).then(() => refresh()).catch((error) => say(error.message, true)));
    objections.append(`Objection: ${objection.words || "(no words)"} `, done);
  }
  const differ = one.members.some((each) => each.score !== member.score || each.comment !== member.comment);
  const log = member.again && !member.same ? "Handed in anew since it was marked. " : member.again ? "Graded again, and word for word as it was marked. " : "";
  card.querySelector(".log").textContent = log + (differ ? "These have different marks. " : "") + (member.score === null ? "Not marked yet." : `${points(member.score)} by ${member.by}${member.at ? `, ${when(member.at)}` : ""}.`) + (state.question.held[one.key] ? ` ${state.question.held[one.key]} is at it.` : "");
}

function comments() {
  for (const list of document.querySelectorAll(".again")) {
    const key = list.closest("article").dataset.key;
    list.replaceChildren(...state.question.comments.slice(0, 9).map((text, i) => {
      const button = make("button", `${i + 1}  ${text}`, { type: "button" });
      button.addEventListener("click", () => { go(key, false); useComment(key, text); });
      return make("li", null, {}, button);
    }));
  }
}
function holders() { state.question.groups.forEach(update); }
function answers() {
  at("answers").replaceChildren(...state.question.groups.map(card));
  state.question.groups.forEach(update);
  comments();
  go(state.here, false);
}
function progress() {
  const all = state.question.groups.flatMap((one) => one.members), left = all.filter((one) => one.waits).length;
  at("progress").textContent = `${all.length - left} of ${counted(all.length, "answer is", "answers are")} marked; ${counted(state.question.groups.length, "different one", "different ones")}.`;
  const row = state.overview.questions.find((one) => one.name === state.question.name);
  if (row) { row.waits = left; menu(); }
  const same = all.filter((one) => one.same).length;
  at("kept").replaceChildren();
  if (same) {
    const keep = make("button", `Keep the marks of ${counted(same, "answer", "answers")} graded again without a change`, { type: "button" });
    keep.addEventListener("click", () => ask("keep", { question: state.question.name }).then(() => refresh()).catch((error) => say(error.message, true)));
    at("kept").append(keep);
  }
}

function menu() {
  const now = location.hash.slice(1);
  const focused = document.activeElement?.dataset?.to;
  const button = (to, text) => {
    const made = make("button", text, { type: "button", "data-to": to, ...(to === now ? { "aria-current": "page" } : {}) });
    made.addEventListener("click", () => { location.hash = to; });
    return make("li", null, {}, made);
  };
  const open = state.overview.requests.filter((one) => !one.answered).length;
  at("questions").replaceChildren(...state.overview.questions.map((one) => button(one.name, `${title(one.name)} · ${one.waits ? `${one.waits} wait` : "done"}`)), button("", `Objections and changes · ${open + state.overview.changes.length}`));
  if (focused !== undefined) document.querySelector(`[data-to="${focused}"]`)?.focus();
}

function front() {
  at("requests").replaceChildren(...state.overview.requests.map((one) => {
    const row = make("li", `${one.who || "A learner"}, ${title(one.name)}: ${one.words || "(no words)"} `);
    if (one.answered) row.append(make("span", `Looked at by ${one.answered.marker}, ${when(one.answered.at)}.`, { class: "soft" }));
    else {
      if (!one.known) row.append(make("span", "Nobody of that name has been graded. ", { class: "warn" }));
      if (one.question && one.known) { const to = make("button", "Go to the answer", { type: "button" }); to.addEventListener("click", () => { state.target = one.id; location.hash = one.question; }); row.append(to, " "); }
      const done = make("button", "Looked at", { type: "button" });
      done.addEventListener("click", () => ask("answer", { key: one.key, words: "" }).then(() => refresh()).catch((error) => say(error.message, true)));
      row.append(done);
    }
    return row;
  }));
  if (!state.overview.requests.length) at("requests").append(make("li", "None. A learner's objection is a click at the answer, or one line in regrade_requests.csv: student,lab,name,words."));
  at("released").textContent = state.overview.released ? `Given out ${when(state.overview.released)}.` : "Say when marks are given out, and every change from then on is listed here, whoever made it.";
  at("changes").replaceChildren(...state.overview.changes.map((one) => make("li", `${one.who}, ${title(one.name)}: ${points(one.before ?? null)} before, ${points(one.now ?? null)} now${one.by ? `, by ${one.by}, ${when(one.at)}` : ""}`)));
  if (state.overview.released && !state.overview.changes.length) at("changes").append(make("li", "Nothing."));
}

async function refresh() {
  if (working) await working;
  const opened = !state.overview;
  state.overview = await ask("overview");
  if (opened) {
    for (const [here, entry] of JSON.parse(localStorage.getItem(`outbox:${state.overview.lab}`) || "[]")) outbox.set(here, entry);
    await work();
    state.overview = await ask("overview");
  }
  if (!at("marker").value) at("marker").value = localStorage.getItem("marker") || state.overview.you;
  at("title").textContent = `${state.overview.title}${state.overview.anonymous ? ", without names" : ""}`;
  document.title = `Marking ${state.overview.lab}`;
  const name = location.hash.slice(1);
  const known = state.overview.questions.some((one) => one.name === name);
  at("front").hidden = known; at("desk").hidden = !known;
  menu(); front();
  if (!known) { state.question = null; return; }
  const again = state.question && state.question.name === name;
  const before = changes, found = await ask(`question/${name}?tab=${tab}`);
  if (location.hash.slice(1) !== name) return;
  if (changes !== before) return refresh();
  state.question = found;
  for (const one of found.groups) seen.set(place(one.key), seenOf(one));
  for (const one of state.question.groups) { const kept = localStorage.getItem(`draft:${name}:${one.key}`); if (kept !== null && !state.drafts.has(one.key)) draft(one.key, kept); }
  if (!again || !group(state.here)) { const open = state.question.groups.find((one) => one.members.some((member) => member.id === state.target)) || state.question.groups.find(waits) || state.question.groups[0]; state.here = open ? open.key : ""; state.target = null; }
  at("name").textContent = title(name);
  for (const [box, text] of [["prompt", state.question.prompt], ["model", state.question.model]]) at(box).innerHTML = text;
  at("notes").replaceChildren(...state.question.rubric.filter((line) => line.points === null).map((line) => html("li", line.says)));
  if (!again && matchMedia("(max-width: 900px)").matches) for (const box of ["prompt-box", "model-box"]) at(box).open = false;
  answers(); progress(); go(state.here);
}

function objects(one) {
  const words = prompt("What does the learner say? It is written into regrade_requests.csv.");
  if (words !== null) ask("object", { question: state.question.name, id: first(one).id, words }).then(() => refresh()).catch((error) => say(error.message, true));
}

// keys, other markers, closing

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("textarea, input");
  if (typing) {
    if (event.key === "Escape") { event.target.blur(); event.preventDefault(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !state.question || !state.here) return;
  const onButton = event.target.matches("button, summary, a");
  if (onButton && (event.key === "Enter" || event.key === " ")) return;
  const lines = state.question.rubric.map((line, number) => [line, number]).filter(([line]) => line.points !== null);
  const done = () => event.preventDefault();
  if (/^[1-9]$/.test(event.key)) {
    const number = Number(event.key) - 1;
    if (state.reuse) { const text = state.question.comments[number]; if (text) useComment(state.here, text); state.reuse = false; }
    else if (lines[number]) clickLine(state.here, lines[number][1]);
    return done();
  }
  state.reuse = false;
  if (event.key === "0") setScore(state.here, 0);
  else if (event.key === "f") full(state.here);
  else if (event.key === "Enter" || event.key === "n") next();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "c") document.querySelector("article.here textarea")?.focus();
  else if (event.key === "r") { state.reuse = true; say("Which comment? 1 to 9."); }
  else if (event.key === "u") undo();
  else return;
  done();
});

addEventListener("hashchange", () => { if (state.question && group(state.here)) keepComment(state.here); refresh().catch((error) => say(error.message, true)); });
addEventListener("pagehide", () => { if (state.question) for (const key of state.drafts.keys()) if (group(key)) keepComment(key); });
addEventListener("beforeunload", (event) => { if (outbox.size) event.preventDefault(); });
setInterval(async () => {
  if (!state.question || outbox.size || document.hidden) return;
  const name = state.question.name, before = changes;
  try {
    const found = await ask(`state/${name}?tab=${tab}`);
    if (!state.question || state.question.name !== name || changes !== before) return;
    state.question.held = found.held;
    if (JSON.stringify(found.comments) !== JSON.stringify(state.question.comments)) { state.question.comments = found.comments; comments(); }
    learn(found.groups, name);
    if (group(state.here)) ask("hold", { question: name, key: state.here }).catch(() => {});
  } catch (error) { say(error.message, true); }
}, 4000);
at("keys-button").addEventListener("click", () => { at("keys").hidden = !at("keys").hidden; at("keys-button").setAttribute("aria-expanded", String(!at("keys").hidden)); });
at("release").addEventListener("click", () => ask("release", {}).then(() => refresh()).catch((error) => say(error.message, true)));
at("marker").addEventListener("change", () => localStorage.setItem("marker", at("marker").value.trim()));
refresh().then(() => { const open = state.overview.questions.find((one) => one.waits); if (!location.hash && open) location.hash = open.name; }).catch((error) => say(error.message, true));
