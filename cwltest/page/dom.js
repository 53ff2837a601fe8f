// Small helpers. Text that comes from events is always a text node, never markup.

// visible replaces characters that control the direction of text, or a terminal, by
// their escapes. They could make one event look like another.
export const visible = (text) => text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
  (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

// el("div", {class: "row"}, child, "text") makes an element.
export function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (key === "color") e.style.setProperty("--c", value);
    else if (key.startsWith("aria-")) e.setAttribute(key, String(value));
    else if (value === true) e.setAttribute(key, "");
    else if (value !== false && value !== undefined) e.setAttribute(key, key === "title" ? visible(String(value)) : value);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null).map((c) => (typeof c === "string" ? visible(c) : c)));
  return e;
}

export const $ = (id) => document.getElementById(id);

const integers = new Intl.NumberFormat("en-US");
export const count = (n) => integers.format(n);

// short makes 12.3k of 12345.
export function short(n) {
  if (n < 10_000) return count(n);
  return n < 1e6 ? `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)}k` : `${(n / 1e6).toFixed(1)}M`;
}

let toastTimer;
export function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 1600);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    toast("the browser does not let this page copy");
  }
}

const pad = (n, digits = 2) => String(n).padStart(digits, "0");

// clock returns the parts of a time in the zone that is chosen.
export function clock(ms, utc) {
  const d = new Date(ms);
  const p = utc
    ? [d.getUTCFullYear(), d.getUTCMonth() + 1, d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds(), d.getUTCMilliseconds()]
    : [d.getFullYear(), d.getMonth() + 1, d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds(), d.getMilliseconds()];
  return {
    date: `${p[0]}-${pad(p[1])}-${pad(p[2])}`,
    time: `${pad(p[3])}:${pad(p[4])}:${pad(p[5])}`,
    ms: `.${pad(p[6], 3)}`,
  };
}
