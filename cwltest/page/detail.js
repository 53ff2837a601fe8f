// One event in full.

import { clock, copy, count, el } from "./dom.js";
import { errorOf, read } from "./event.js";
import { badge } from "./row.js";

// detail fills the panel. The actions: close, link, filter(key, value), column(key).
export function detail(panel, event, view, actions) {
  const parts = read(event);
  panel.style.setProperty("--c", event.l === "GAP" ? "var(--warning)" : view.colorOf(event.f));
  panel.replaceChildren(
    el("header", {},
      badge(event.l),
      event.f ? el("span", { class: "function" }, event.f) : undefined,
      event.c ? el("span", { class: "caller" }, event.c) : undefined,
      el("button", { type: "button", title: "Close (Esc)", "aria-label": "Close", onclick: actions.close }, "✕")),
    el("pre", { class: "message" }, event.l === "GAP" ? event.m : parts.message || "(no message)"),
    el("div", { class: "actions" },
      el("button", { type: "button", title: "c", onclick: () => copy(actions.link(), "link") }, "Copy link"),
      el("button", { type: "button", onclick: () => copy(event.m, "event") }, "Copy event"),
      event.f ? el("button", { type: "button", onclick: () => actions.only(event.f) }, `Only ${event.f}`) : undefined),
    parts.fields.length > 0 ? fields(parts, view, actions) : "",
    parts.stack ? el("details", { open: true }, el("summary", {}, stackTitle(parts)), el("pre", { class: "block wrap" }, parts.stack)) : "",
    times(event, view),
    el("details", { open: parts.json && !parts.message },
      el("summary", {}, event.size ? "As it was put" : `As it was put, ${count(new TextEncoder().encode(event.m).length)} bytes`),
      el("pre", { class: "block wrap" }, parts.json ? indent(event.m) : event.m)));
  panel.scrollTop = 0;
}

function fields(parts, view, actions) {
  const rows = parts.fields.map((f) => el("tr", {},
    el("th", { scope: "row" }, f.key),
    el("td", {}, f.text),
    el("td", {},
      el("button", {
        type: "button", "aria-pressed": view.columns.some((c) => c.key === f.key), title: `A column for ${f.key}`,
        onclick: () => actions.column(f.key),
      }, "column"), " ",
      el("button", { type: "button", title: "Only events with this value", onclick: () => actions.filter(f, parts.json) }, "filter"))));
  return el("table", {}, el("tbody", {}, ...rows));
}

function times(event, view) {
  const at = (ms, utc) => { const t = clock(ms, utc); return `${t.date} ${t.time}${t.ms}`; };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const rows = [["time", `${at(event.t, true)} UTC`]];
  if (zone !== "UTC") rows.push(["", `${at(event.t, false)} ${zone}`]);
  rows.push(["arrived", delay(event.i - event.t)], ["id", event.id.replace(/^0+/, "")]);
  return el("details", { open: true }, el("summary", {}, "Times"),
    el("table", {}, el("tbody", {}, ...rows.map(([k, v]) => el("tr", {}, el("th", {}, k), el("td", {}, v))))));
}

function delay(ms) {
  if (ms < 1000) return `${count(ms)} ms later`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s later`;
  return `${count(Math.round(ms / 60_000))} min later`;
}

function stackTitle(parts) {
  const n = parts.stack.trimEnd().split("\n").length;
  const error = errorOf(parts);
  return error && n === 1 ? "Error" : `${error ? "Error and stack" : "Stack"}, ${n} lines`;
}

// indent breaks JSON into lines without touching its values.
function indent(json) {
  let out = "", depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of json.matchAll(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    const opened = out.endsWith("{") || out.endsWith("[");
    if (token === "}" || token === "]") {
      depth = Math.max(0, depth - 1);
      out += opened ? token : line() + token;
      continue;
    }
    if (opened) out += line();
    out += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth++;
    if (token === ",") out += line();
  }
  return out;
}
