// The page: what is chosen, and what follows from it. The address holds all of it, so
// that a link opens the same.

import { $, copy, count, el } from "./dom.js";
import { detail } from "./detail.js";
import { chooseColumns, columnOf } from "./event.js";
import { chips, histogram, levels } from "./filters.js";
import { listen } from "./keys.js";
import { emptyState, List } from "./list.js";
import { head, render } from "./row.js";
import { sameStream, sidebar, streamsOf, welcome } from "./sidebar.js";

const state = {
  place: undefined, // {region, group, stream}
  text: "",
  hidden: { levels: new Set(), functions: new Set() },
  listing: undefined,
  answer: undefined, // the last window
  open: undefined, // the event in the panel
  wanted: undefined, // id of an event that the address names
};

// view is what rows need to know.
const view = {
  utc: localStorage.getItem("zone") === "utc",
  withDate: false,
  columns: [],
  shown: [], // those of the columns for which there is room
  chosen: false, // columns are chosen, by hand or by what the events have
  functionWidth: 10,
  needle: "",
  functions: [],
  colors: new Map(),
  colorOf(name) { return this.colors.get(name); },
};

// paint gives each function a colour: the one that its name stands for, so that it has
// the same in every stream, or the next that is free.
function paint(functions) {
  const taken = new Set();
  view.colors.clear();
  for (const name of functions.toSorted()) {
    let i = [...name].reduce((hash, c) => (hash * 31 + c.codePointAt(0)) >>> 0, 7) % 10;
    for (let tries = 0; taken.has(i) && tries < 10; tries++) i = (i + 1) % 10;
    taken.add(i);
    view.colors.set(name, `var(--f${i})`);
  }
}

const list = new List({
  scroller: $("scroller"), canvas: $("canvas"), rows: $("rows"),
  load, render: (event) => render(event, view),
  onScroll: showFollow, onPick: (event, index) => open(event, index),
});

// --- What is asked of the server ---

function query(more) {
  const q = new URLSearchParams({ ...state.place, ...more });
  if (state.text) q.set("q", state.text);
  if (state.hidden.levels.size > 0) q.set("levels", levels.filter((l) => !state.hidden.levels.has(l)).map((l) => l || "-").join(","));
  for (const f of state.hidden.functions) q.append("no", f);
  return q;
}

let stopLoad = new AbortController();

async function load(request) {
  if (!state.place) return undefined;
  const place = state.place;
  stopLoad.abort();
  stopLoad = new AbortController();
  const buckets = Math.min(240, Math.max(40, Math.floor($("histogram").clientWidth / 7)));
  try {
    const response = await fetch(`/page/events?${query({ ...request, buckets })}`, { signal: stopLoad.signal });
    if (!response.ok || place !== state.place) return undefined;
    const answer = await response.json();
    show(answer);
    return answer;
  } catch (e) {
    return undefined; // a newer question, or the server is gone: the tail says so
  }
}

// show takes from an answer what is not in the list.
function show(answer) {
  state.answer = answer;
  const functions = answer.functions.map((f) => f.name).filter(Boolean);
  const events = answer.events;
  const days = new Set([answer.histogram?.from ?? 0, answer.histogram?.to ?? 0].map((ms) => new Date(ms).toDateString()));
  const before = JSON.stringify([view.functions, view.withDate, view.functionWidth, view.columns]);
  view.functions = functions;
  paint(functions);
  view.withDate = days.size > 1;
  view.functionWidth = Math.min(22, Math.max(9, ...functions.map((f) => f.length)));
  if (!view.chosen && events.length > 0) {
    view.columns = chooseColumns(events, Math.max(0, Math.min(4, Math.floor(($("events").clientWidth - 760) / 120))));
    view.chosen = view.columns.length > 0;
  }
  if (JSON.stringify([view.functions, view.withDate, view.functionWidth, view.columns]) !== before) restyle();
  const filtered = answer.matched !== answer.total;
  $("counts").replaceChildren(...(filtered
    ? [el("b", {}, count(answer.matched)), ` of ${count(answer.total)} events`]
    : [el("b", {}, count(answer.total)), answer.total === 1 ? " event" : " events"]));
  $("hint").hidden = !answer.hint;
  $("hint").textContent = answer.hint ?? "";
  chips(answer, state.hidden, (f) => view.colorOf(f), toggle);
  histogram(answer.histogram, view.utc, (ms) => jump(`${String(ms).padStart(20, "0")}${"0".repeat(36)}`));
  showEmpty();
}

// restyle makes heads and rows anew. Beside an open event there is no room for columns.
function restyle() {
  view.shown = $("detail").hidden ? view.columns : [];
  $("head").replaceChildren(...head(view));
  list.forget();
}

// tail hears of what is new.
let source;
function tail() {
  source?.close();
  const place = state.place;
  source = new EventSource(`/page/tail?${new URLSearchParams(place ?? {})}`);
  const connection = (on, text) => {
    $("connection").className = on ? "on" : "off";
    $("connection").lastElementChild.textContent = text;
  };
  source.onopen = () => connection(true, location.host);
  source.onerror = () => connection(false, "the server is gone; trying again");
  source.addEventListener("tail", () => refresh());
  source.addEventListener("list", (e) => {
    const before = state.listing;
    state.listing = JSON.parse(e.data);
    const streams = streamsOf(state.listing);
    if (!state.place && streams.length > 0) pick(streams.find((s) => s.events > 0) ?? streams[0]);
    sidebar(state.listing, before, state.place, pick);
    showEmpty();
  });
}

// refresh asks again after a change: one question at a time, and one more if there
// was a change meanwhile.
let refreshing = false, again = false;
async function refresh() {
  if (refreshing) { again = true; return; }
  refreshing = true;
  do {
    again = false;
    if (state.wanted) await findWanted();
    else await list.refresh();
    if (!list.follow) showFollow();
  } while (again);
  refreshing = false;
}

async function findWanted() {
  const id = state.wanted;
  const answer = await list.refresh({ at: id });
  if (!answer || state.wanted !== id) return;
  const index = answer.at, event = list.eventAt(index);
  if (event?.id === id) open(event, index);
  if (answer.total > 0) state.wanted = undefined;
}

// --- What the user does ---

function pick(place) {
  if (sameStream(place, state.place)) return;
  state.place = { region: place.region, group: place.group, stream: place.stream };
  Object.assign(view, { chosen: false, columns: [] });
  state.hidden.levels.clear();
  state.hidden.functions.clear();
  close();
  reset();
  tail();
  if (state.listing) sidebar(state.listing, state.listing, state.place, pick);
}

// reset begins a stream at its end.
function reset() {
  state.answer = undefined;
  list.take({ matched: 0, from: 0, events: [] });
  list.follow = !state.wanted;
  showFollow();
  $("title").replaceChildren(el("span", {}, `${state.place.group} / `), state.place.stream);
  document.title = `${state.place.stream} · zapcw`;
  remember();
  restyle();
  refresh();
}

// filtered asks again with another filter, and keeps the place in the list.
async function filtered() {
  view.needle = /^(\{.*\}|%.+%)$/s.test(state.text) ? "" : state.text;
  remember();
  list.cache.clear();
  const place = state.open ? { id: state.open.id } : list.place();
  if (list.follow || !place) await list.refresh();
  else await list.refresh({ at: place.id, anchor: place.anchor });
}

function toggle(set, name, all, only) {
  if (only) {
    const alone = !set.has(name) && all.every((n) => n === name || set.has(n));
    set.clear();
    if (!alone) for (const n of all) if (n !== name) set.add(n);
  } else if (!set.delete(name)) {
    set.add(name);
    if (all.every((n) => set.has(n))) set.clear();
  }
  filtered();
}

function clearFilters() {
  state.text = $("search").value = "";
  state.hidden.levels.clear();
  state.hidden.functions.clear();
  filtered();
}

async function open(event, index, panel = true) {
  list.setFollow(false);
  list.select(event, index);
  state.open = event;
  remember();
  if (!panel && $("detail").hidden) return;
  if (event.size) {
    const response = await fetch(`/page/event?${new URLSearchParams({ ...state.place, id: event.id })}`);
    if (response.ok) event = await response.json();
    if (state.open?.id !== event.id) return;
  }
  if ($("detail").hidden) {
    $("detail").hidden = false;
    restyle();
    list.select(event, index);
  }
  detail($("detail"), event, view, {
    close, link: () => location.href,
    only: (f) => { toggle(state.hidden.functions, f, view.functions, true); },
    column: (key) => { toggleColumn(key); open(event, index); },
    filter: (field, json) => {
      const value = typeof field.value === "string" ? JSON.stringify(field.value) : field.text;
      setText(json ? `{ $.${field.key} = ${value} }` : `"${field.key.split(".").pop()}": ${value}`);
    },
  });
}

function close() {
  if ($("detail").hidden) return;
  $("detail").hidden = true;
  restyle();
}

function toggleColumn(key) {
  const i = view.columns.findIndex((c) => c.key === key);
  if (i >= 0) view.columns.splice(i, 1);
  else view.columns.push(columnOf(list.events, key));
  view.chosen = true;
}

function setText(text) {
  state.text = $("search").value = text;
  filtered();
}

// move selects another event, relative to the selected one or the end.
async function move(by) {
  const from = list.selected && list.events.findIndex((e) => e.id === list.selected.id);
  let index = from >= 0 ? list.from + from + by : list.selected ? list.selected.index + by : list.total - (list.follow ? 1 : list.visible / 2 | 0);
  index = Math.max(0, Math.min(list.total - 1, index));
  list.setFollow(false);
  if (!list.eventAt(index)) {
    list.scrollTo(index - list.visible / 2);
    await list.refresh();
  }
  const event = list.eventAt(index);
  if (event) open(event, index, false);
}

async function jump(id, select = false) {
  list.setFollow(false);
  const answer = await list.refresh({ at: id });
  const event = list.eventAt(answer?.at);
  if (event && select) open(event, answer.at, false);
}

// trouble goes to the next or previous error or gap.
async function trouble(forward) {
  const here = list.selected?.id ?? list.place()?.id;
  if (!here) return;
  const q = query({ at: here, n: 5 });
  q.set("levels", "ERROR,CRITICAL,GAP");
  const response = await fetch(`/page/events?${q}`);
  if (!response.ok) return;
  const { events } = await response.json();
  const found = forward ? events.find((e) => e.id > here) : events.findLast((e) => e.id < here);
  if (found) jump(found.id, true);
}

function follow(on) {
  list.setFollow(on);
  if (on) { list.select(undefined); state.open = undefined; close(); remember(); list.refresh(); }
}

function setTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
}

function setZone() {
  view.utc = !view.utc;
  localStorage.setItem("zone", view.utc ? "utc" : "local");
  showZone();
  restyle();
  if (state.answer) show(state.answer);
  if (state.open && !$("detail").hidden) open(state.open, list.selected?.index ?? 0);
}

function neighbour(by) {
  const streams = state.listing ? streamsOf(state.listing) : [];
  const i = streams.findIndex((s) => sameStream(s, state.place));
  if (streams.length > 0) pick(streams[(i + by + streams.length) % streams.length]);
}

// --- What is shown of it ---

function showFollow() {
  $("follow").setAttribute("aria-pressed", list.follow);
  const newer = state.answer ? list.total - Math.ceil(list.top + list.visible) : 0;
  $("newer").hidden = list.follow || newer <= 0;
  $("newer").textContent = `↓ ${count(newer)} newer`;
}

function showZone() { $("zone").textContent = view.utc ? "UTC" : "Local"; }

function showEmpty() {
  const empty = $("empty"), { listing, answer } = state;
  $("events").closest("main").classList.toggle("blank", Boolean(listing) && !state.place);
  const fill = (...nodes) => { if (empty.hidden || empty.dataset.what !== nodes[1].textContent) empty.replaceChildren(...nodes); empty.dataset.what = nodes[1].textContent; empty.hidden = false; };
  if (!listing) empty.hidden = true;
  else if (!state.place) fill(...welcome(listing));
  else if (!streamsOf(listing).some((s) => sameStream(s, state.place))) fill(...emptyState("There is no such stream", "It may have been deleted. Choose another one."));
  else if (answer?.total === 0) fill(...emptyState("The stream is empty", "Events appear here as soon as they are put."));
  else if (answer && answer.matched === 0) fill(...emptyState("No event passes the filter", `${count(answer.total)} events are in the stream.`, el("button", { type: "button", onclick: clearFilters }, "Clear the filters")));
  else empty.hidden = true;
}

// --- The address ---

function remember() {
  const q = new URLSearchParams(state.place ?? {});
  if (state.text) q.set("q", state.text);
  if (state.hidden.levels.size > 0) q.set("without", [...state.hidden.levels].map((l) => l || "-").join(","));
  for (const f of state.hidden.functions) q.append("no", f);
  if (state.open) q.set("event", state.open.id);
  history.replaceState(null, "", `#${q}`);
}

function recall() {
  const q = new URLSearchParams(location.hash.slice(1));
  state.text = $("search").value = q.get("q") ?? "";
  view.needle = /^(\{.*\}|%.+%)$/s.test(state.text) ? "" : state.text;
  state.hidden.levels = new Set((q.get("without") ?? "").split(",").filter(Boolean).map((l) => (l === "-" ? "" : l)));
  state.hidden.functions = new Set(q.getAll("no"));
  state.wanted = q.get("event") ?? undefined;
  state.open = undefined;
  list.selected = undefined;
  close();
  if (!q.get("stream")) return;
  state.place = { region: q.get("region") ?? "us-east-1", group: q.get("group") ?? "", stream: q.get("stream") };
  reset();
}

addEventListener("hashchange", () => { recall(); tail(); });
let typing;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { state.text = $("search").value.trim(); filtered(); }, 80);
});
$("follow").addEventListener("click", () => follow(!list.follow));
$("newer").addEventListener("click", () => follow(true));
$("zone").addEventListener("click", setZone);
$("theme").addEventListener("click", setTheme);
$("help-button").addEventListener("click", () => $("help").showModal());
$("help").addEventListener("click", (e) => { if (e.target === $("help")) $("help").close(); });

listen({
  "/": () => $("search").select(), j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  n: () => trouble(true), p: () => trouble(false),
  Enter: () => {
    if (!$("detail").hidden) close();
    else if (list.selected) open(list.events.find((e) => e.id === list.selected.id) ?? state.open, list.selected.index);
  },
  g: () => { list.setFollow(false); list.scrollTo(0); }, G: () => follow(true), Home: () => { list.setFollow(false); list.scrollTo(0); }, End: () => follow(true),
  PageDown: () => list.scrollTo(list.top + list.visible - 2), PageUp: () => { list.setFollow(false); list.scrollTo(list.top - list.visible + 2); },
  f: () => follow(!list.follow), "[": () => neighbour(-1), "]": () => neighbour(1), c: () => state.open && copy(location.href, "link"),
  x: clearFilters, u: setZone, t: setTheme, "?": () => ($("help").open ? $("help").close() : $("help").showModal()), Escape: close,
});

showZone();
restyle();
recall();
tail();
