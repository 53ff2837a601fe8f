// Levels, functions and the histogram.

import { $, clock, count, el, short } from "./dom.js";

export const levels = ["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "", "GAP"];
const names = { "": "No level", GAP: "Gaps" };
const colors = { CRITICAL: "--critical", ERROR: "--error", WARNING: "--warning", INFO: "--info", DEBUG: "--debug", GAP: "--warning" };

// chips shows which levels and functions there are and how often. Those that are off
// are in the sets hidden. toggle(set, name, all, only) is called for a click.
export function chips(answer, hidden, colorOf, toggle) {
  const levelNames = levels.filter((l) => answer.levels[l] > 0);
  $("levels").replaceChildren(...levelNames.map((l) => chip(names[l] ?? l, answer.levels[l], !hidden.levels.has(l),
    colors[l] && `var(${colors[l]})`, false, (only) => toggle(hidden.levels, l, levelNames, only))));
  const functions = answer.functions.filter((f) => f.n > 0 && f.name);
  const functionNames = functions.map((f) => f.name);
  $("functions").replaceChildren(...(functions.length < 2 && hidden.functions.size === 0 ? [] : functions.map((f) =>
    chip(f.name, f.n, !hidden.functions.has(f.name), colorOf(f.name), true, (only) => toggle(hidden.functions, f.name, functionNames, only)))));
}

function chip(name, n, on, color, swatch, click) {
  return el("button", {
    type: "button", class: "chip", "aria-pressed": on, title: `${count(n)} events; Alt-click for these only`, color,
    onclick: (e) => click(e.altKey || e.shiftKey),
  }, swatch ? el("i") : undefined, name, el("small", {}, short(n)));
}

// histogram draws the events of the view over time. A click on a bar goes there.
export function histogram(h, utc, go) {
  const box = $("histogram");
  const bars = box.querySelector(".bars");
  const [from, to] = [box.querySelector(".from"), box.querySelector(".to")];
  if (!h) {
    bars.replaceChildren();
    from.textContent = to.textContent = "";
    return;
  }
  // The root keeps a burst from hiding everything else.
  const most = Math.sqrt(Math.max(1, ...h.counts.map((c) => c[0] + c[1] + c[2] + c[3])));
  const width = (h.to - h.from) / h.counts.length;
  const oneDay = clock(h.from, utc).date === clock(h.to, utc).date;
  const label = (ms) => { const t = clock(ms, utc); return oneDay ? t.time : `${t.date} ${t.time}`; };
  bars.replaceChildren(...h.counts.map((c, i) => {
    const sum = c[0] + c[1] + c[2] + c[3];
    const ms = Math.round(h.from + i * width);
    const bar = el("div", { class: "bar", title: `${label(ms)}: ${count(sum)} events`, onclick: () => go(ms) });
    if (sum > 0) {
      const height = (Math.sqrt(sum) / most) * 100;
      for (const [kind, n] of [["g", c[3]], ["e", c[2]], ["w", c[1]], ["o", c[0]]]) {
        if (n === 0) continue;
        const part = el("i", { class: kind });
        part.style.height = `${(height * n) / sum}%`;
        bar.append(part);
      }
    }
    return bar;
  }));
  from.textContent = label(h.from);
  to.textContent = label(h.to);
}
