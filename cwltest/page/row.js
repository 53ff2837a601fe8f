// One event as a row of the list.

import { clock, el, visible } from "./dom.js";
import { errorOf, hiddenLines, read } from "./event.js";

export const rowHeight = 24;
const mostText = 600; // characters of a message that a row can show

// render makes a row. The view says how: utc, shown columns, colorOf, needle.
export function render(event, view) {
  const level = (event.l ?? "").toLowerCase();
  const row = el("div", { class: `row ${level === "critical" ? "error" : level}`, role: "option", color: view.colorOf(event.f) });
  row.append(el("span", { class: "stripe" }), time(event.t, view), el("span", {}, badge(event.l)));
  if (level === "gap") {
    row.append(el("span", { class: "text" }, event.m.split("\n", 1)[0].slice(0, mostText)));
    return row;
  }
  const parts = read(event);
  row.append(el("span", { class: "function", title: event.f }, event.f ?? ""), message(event, parts, view));
  const fields = new Map(parts.fields.map((f) => [f.key, f.text]));
  for (const c of view.shown) {
    row.append(el("span", { class: c.number ? "field number" : "field", title: fields.get(c.key) }, ...marked(fields.get(c.key) ?? "", view.needle)));
  }
  return row;
}

// head makes the names of the columns, and the grid of all rows.
export function head(view) {
  const widths = view.shown.map((c) => `calc(${c.width}ch + 14px)`);
  const columns = ["3px", view.withDate ? "196px" : "116px", "88px", `calc(${view.functionWidth}ch + 14px)`, "minmax(0, 1fr)", ...widths].join(" ");
  document.documentElement.style.setProperty("--columns", columns);
  const names = [view.utc ? "Time (UTC)" : "Time", "Level", "Function", "Message"];
  return [el("span", { class: "stripe" }), ...names.map((n) => el("span", {}, n)),
    ...view.shown.map((c) => el("span", { class: c.number ? "number" : "", title: c.key }, c.key))];
}

export function badge(level) {
  return level ? el("span", { class: `badge ${level.toLowerCase()}` }, level) : el("span", { class: "badge none" }, "–");
}

export function waiting() {
  return el("div", { class: "row waiting" }, el("span", { class: "stripe" }), el("span", {}, "·"));
}

function time(ms, view) {
  const t = clock(ms, view.utc);
  return el("span", { class: "time", title: new Date(ms).toISOString() },
    view.withDate ? el("b", {}, `${t.date} `) : "", t.time, el("b", {}, t.ms));
}

function message(event, parts, view) {
  const first = parts.message.trimEnd().split("\n", 1)[0].slice(0, mostText);
  const cell = el("span", {}, event.c ? el("span", { class: "caller" }, event.c) : "", ...marked(first, view.needle));
  const shown = new Set(view.shown.map((c) => c.key));
  const rest = el("span", { class: "rest" });
  for (const f of parts.fields) {
    if (!shown.has(f.key)) rest.append("  ", el("b", {}, `${f.key}=`), ...marked(f.text.slice(0, 120), view.needle));
  }
  const why = errorOf(parts);
  if (why) cell.append("  ", el("span", { class: "why" }, ...marked(why.slice(0, mostText), view.needle)));
  const lines = hiddenLines(parts) - (why ? 1 : 0);
  if (lines > 0) cell.append(el("span", { class: "more" }, `+${lines} ${lines === 1 ? "line" : "lines"}`));
  cell.append(rest);
  return cell;
}

// marked returns nodes of a text in which what was searched for is marked.
export function marked(text, needle) {
  if (!needle) return [visible(text)];
  const fold = needle === needle.toLowerCase();
  const hay = fold ? text.toLowerCase() : text;
  const nodes = [];
  let from = 0;
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, from)) {
    nodes.push(visible(text.slice(from, at)), el("mark", {}, text.slice(at, at + needle.length)));
    from = at + needle.length;
  }
  return [...nodes, visible(text.slice(from))];
}
