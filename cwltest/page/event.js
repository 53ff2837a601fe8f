// What an event says: its message, fields and stack.

// The members of JSON events that are not fields, since they are shown elsewhere.
const metadata = new Set(["timestamp", "time", "ts", "@timestamp", "level", "severity", "levelname", "lvl",
  "location", "function", "func", "service", "logger"]);
const messages = ["message", "msg"];
const stacks = ["exception", "stacktrace", "stack", "stack_trace"];

// read takes an event apart, once.
export function read(event) {
  event.read ??= event.m.startsWith("{") ? readJSON(event) ?? readText(event) : readText(event);
  return event.read;
}

function readJSON(event) {
  const object = parse(event.m);
  if (!object) return undefined;
  const out = { json: true, message: "", fields: [], stack: "" };
  for (const [key, value] of Object.entries(object)) {
    if (messages.includes(key) && !out.message) out.message = text(value);
    else if (stacks.includes(key) && typeof value === "string") out.stack += (out.stack && "\n") + value;
    else if (!metadata.has(key)) flatten(out.fields, key, value);
  }
  if (!out.message && object.error) out.message = text(object.error);
  return out;
}

// readText reads what a prefix encoder writes: message, tab, fields as JSON, and a
// stack on further lines.
function readText(event) {
  const body = event.m.slice(event.h ?? 0);
  const tab = body.lastIndexOf("\t{");
  if (tab >= 0) {
    const line = body.indexOf("\n", tab);
    const object = parse(body.slice(tab + 1, line < 0 ? undefined : line));
    if (object) {
      const out = { message: body.slice(0, tab), fields: [], stack: line < 0 ? "" : body.slice(line + 1) };
      for (const [key, value] of Object.entries(object)) flatten(out.fields, key, value);
      return out;
    }
  }
  const line = body.indexOf("\n");
  if (line >= 0 && /^(goroutine \d|\S+\(.*\)$|[\w./*()-]+\n\t)/m.test(body.slice(line + 1))) {
    return { message: body.slice(0, line), fields: [], stack: body.slice(line + 1) };
  }
  return { message: body, fields: [], stack: "" };
}

// narrow adds a pattern to the one that filters already; text gives way.
export function narrow(filter, pattern) {
  const inside = (text) => /^\{(.*)\}$/s.exec(text)?.[1].trim();
  const [a, b] = [inside(filter), inside(pattern)];
  if (!a || !b || a.includes(b)) return a && b ? filter : pattern;
  return `{ ${a.includes("||") ? `(${a})` : a} && ${b} }`;
}

function parse(text) {
  try {
    // A number that JavaScript cannot hold is shown as it was written.
    const value = JSON.parse(text, (_, v, context) =>
      typeof v === "number" && context?.source !== undefined && !Number.isSafeInteger(v) && String(v) !== context.source ? context.source : v);
    return value && typeof value === "object" && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

// flatten adds a field; those of an object are fields of their own.
function flatten(fields, name, value, parents = []) {
  const path = [...parents, name];
  if (value && typeof value === "object" && !Array.isArray(value) && path.length < 4 && Object.keys(value).length > 0) {
    for (const [inner, v] of Object.entries(value)) flatten(fields, inner, v, path);
    return;
  }
  fields.push({ key: path.join("."), path, value, text: text(value) });
}

// patternOf is the filter pattern for events in which a field has this value, or
// the value as text where no pattern can say it.
export function patternOf({ path, value }) {
  const whole = path.every((name) => !/['"\]\\]/.test(name));
  if (!whole || value && typeof value === "object") return text(value);
  const selector = `$${path.map((name) => (/^[\p{L}\p{Nd}_-]+$/u.test(name) ? `.${name}` : `['${name}']`)).join("")}`;
  switch (typeof value) {
    case "string": return `{ ${selector} = "${value.replace(/["\\]/g, "\\$&")}" }`;
    case "number": return `{ ${selector} = ${value} }`;
    default: return `{ ${selector} IS ${String(value).toUpperCase()} }`; // true, false, null
  }
}

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// errorOf is the error that stands before a stack, or the empty string.
export function errorOf(parts) {
  const [first, second = ""] = parts.stack.split("\n", 2);
  return parts.json && !second.startsWith("\t") ? first : "";
}

// hiddenLines is how many lines a row does not show.
export function hiddenLines(parts) {
  const count = (s) => (s ? s.split("\n").length : 0);
  return Math.max(0, count(parts.message.trimEnd()) - 1) + count(parts.stack.trimEnd());
}

// chooseColumns picks the fields that deserve a column: those that many events have
// and that are short.
export function chooseColumns(events, most) {
  const seen = new Map();
  let withFields = 0;
  for (const event of events) {
    const { fields } = read(event);
    if (fields.length > 0) withFields++;
    for (const f of fields) {
      if (!seen.has(f.key)) seen.set(f.key, sample(f.key));
      note(seen.get(f.key), f);
    }
  }
  return [...seen.values()]
    .filter((s) => s.lengths.length >= Math.max(2, withFields * 0.3) && usual(s.lengths) <= 24)
    .sort((a, b) => b.lengths.length - a.lengths.length)
    .slice(0, most)
    .map(column);
}

// columnOf is the column of one field, as wide as these events want it.
export function columnOf(events, key) {
  const s = sample(key);
  for (const event of events) {
    for (const f of read(event).fields) {
      if (f.key === key) note(s, f);
    }
  }
  return column(s);
}

const sample = (key) => ({ key, lengths: [], numbers: 0 });

function note(s, field) {
  s.lengths.push(field.text.length);
  if (typeof field.value === "number") s.numbers++;
}

// usual is the length that all but the longest twentieth keep to.
function usual(lengths) {
  return lengths.toSorted((a, b) => a - b)[Math.floor(lengths.length * 0.95)] ?? 8;
}

function column(s) {
  return { key: s.key, width: Math.min(26, Math.max(usual(s.lengths), s.key.length, 5)), number: s.numbers > s.lengths.length / 2 };
}
