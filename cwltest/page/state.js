// What is chosen. The address holds all of it, so that a link opens the same.

import { levels } from "./filters.js";

export const state = {
  place: undefined, // {region, group, stream}
  text: "",
  hidden: { levels: new Set(), functions: new Set() },
  listing: undefined,
  answer: undefined, // the last window
  open: undefined, // the event that is selected
  wanted: undefined, // id of an event that the address names

  // query is what the server is asked, with the filter.
  query(more) {
    const q = new URLSearchParams({ ...this.place, ...more });
    if (this.text) q.set("q", this.text);
    const { levels: without, functions } = this.hidden;
    if (without.size > 0) q.set("levels", levels.filter((l) => !without.has(l)).map((l) => l || "-").join(",") || "none");
    for (const f of functions) q.append("no", f);
    return q;
  },

  // isPattern says whether the text is no text to be found as it is.
  get isPattern() { return /^(\{.*\}|%.+%)$|(^|\s)[?-]["%_\p{L}]/su.test(this.text); },

  remember() {
    const q = new URLSearchParams(this.place ?? {});
    if (this.text) q.set("q", this.text);
    if (this.hidden.levels.size > 0) q.set("without", [...this.hidden.levels].map((l) => l || "-").join(","));
    for (const f of this.hidden.functions) q.append("no", f);
    if (this.open) q.set("event", this.open.id);
    history.replaceState(null, "", `#${q}`);
  },

  // recall reads the address, and says whether it names a stream.
  recall() {
    const q = new URLSearchParams(location.hash.slice(1));
    this.text = q.get("q") ?? "";
    this.hidden.levels = new Set((q.get("without") ?? "").split(",").filter(Boolean).map((l) => (l === "-" ? "" : l)));
    this.hidden.functions = new Set(q.getAll("no"));
    this.wanted = q.get("event") ?? undefined;
    this.open = undefined;
    if (!q.get("stream")) return false;
    this.place = { region: q.get("region") ?? "us-east-1", group: q.get("group") ?? "", stream: q.get("stream") };
    return true;
  },
};
