// The page: what the server says, what the user does, and what is shown of it.

import { $, copy, count, el, visible } from "./dom.js";
import { detail } from "./detail.js";
import { narrow, patternOf } from "./event.js";
import { chips, histogram } from "./filters.js";
import { listen } from "./keys.js";
import { emptyState, List } from "./list.js";
import { head, render } from "./row.js";
import { sameStream, sidebar, streamsOf, welcome } from "./sidebar.js";
import { state } from "./state.js";
import { view } from "./view.js";

const list = new List({
  scroller: $("scroller"), canvas: $("canvas"), rows: $("rows"),
  load, render: (event) => render(event, view),
  onScroll: showFollow, onPick: (event, index) => open(event, index),
});

// --- What is asked of the server ---

let stopLoad = new AbortController();
// nothing is the answer about a stream that does not exist, or not any more.
const nothing = { matched: 0, total: 0, from: 0, at: 0, events: [], levels: {}, functions: [] };

async function load(request) {
  if (!state.place) return undefined;
  const place = state.place;
  stopLoad.abort();
  stopLoad = new AbortController();
  const buckets = Math.min(240, Math.max(40, Math.floor($("histogram").clientWidth / 7)));
  try {
    const response = await fetch(`/page/events?${state.query({ ...request, buckets })}`, { signal: stopLoad.signal });
    if (place !== state.place || !response.ok && response.status !== 404) return undefined;
    const answer = response.ok ? await response.json() : nothing;
    show(answer);
    return answer;
  } catch (e) {
    return undefined; // a newer question, or the server is gone: the tail says so
  }
}

// show takes from an answer what is not in the list.
function show(answer) {
  state.answer = answer;
  if (view.fit(answer, $("events").clientWidth)) restyle();
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
  $("title").replaceChildren(el("span", {}, `${state.place.group} / `), visible(state.place.stream));
  $("title").title = visible(`${state.place.group} / ${state.place.stream}`);
  document.title = visible(`${state.place.stream} · zapcw`);
  state.remember();
  restyle();
  refresh();
}

// filtered asks again with another filter, and keeps the place in the list.
async function filtered() {
  view.needle = state.isPattern ? "" : state.text;
  state.remember();
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
  state.remember();
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
    only: (f) => { toggle(state.hidden.functions, f, [...view.colors.keys()], true); },
    column: (key) => { view.toggleColumn(key, list.events); open(event, index); },
    filter: (field) => setText(narrow(state.text, patternOf(field))),
  });
}

function close() {
  if ($("detail").hidden) return;
  $("detail").hidden = true;
  restyle();
}

function setText(text) {
  state.text = $("search").value = text;
  filtered();
}

// move selects another event: relative to the selected one, or else the newest if that
// is followed, or else the first or the last on the screen.
async function move(by) {
  const from = list.selected && list.events.findIndex((e) => e.id === list.selected.id);
  const edge = list.follow ? list.total - 1 : by > 0 ? Math.ceil(list.top) : Math.floor(list.top) + list.visible - 2;
  let index = from >= 0 ? list.from + from + by : list.selected ? list.selected.index + by : edge;
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
  const q = state.query({ at: here, n: 5 });
  q.set("levels", "ERROR,CRITICAL,GAP");
  const response = await fetch(`/page/events?${q}`);
  if (!response.ok) return;
  const { events } = await response.json();
  const found = forward ? events.find((e) => e.id > here) : events.findLast((e) => e.id < here);
  if (found) jump(found.id, true);
}

function unselect() {
  list.select(undefined);
  state.open = undefined;
  close();
  state.remember();
}

function follow(on) {
  list.setFollow(on);
  if (on) { unselect(); list.refresh(); }
}

function oldest() {
  list.setFollow(false);
  unselect();
  list.scrollTo(0);
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

// --- The beginning ---

function recall() {
  const named = state.recall();
  $("search").value = state.text;
  view.needle = state.isPattern ? "" : state.text;
  list.selected = undefined;
  close();
  if (named) reset();
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
  g: oldest, G: () => follow(true), Home: oldest, End: () => follow(true),
  PageDown: () => list.scrollTo(list.top + list.visible - 2), PageUp: () => { list.setFollow(false); list.scrollTo(list.top - list.visible + 2); },
  f: () => follow(!list.follow), "[": () => neighbour(-1), "]": () => neighbour(1), c: () => state.open && copy(location.href, "link"),
  x: clearFilters, u: setZone, t: setTheme, "?": () => ($("help").open ? $("help").close() : $("help").showModal()), Escape: close,
});

showZone();
restyle();
recall();
tail();
