// How events look: what rows need to know.

import { chooseColumns, columnOf } from "./event.js";

export const view = {
  utc: localStorage.getItem("zone") === "utc",
  withDate: false,
  columns: [], // fields that have one
  shown: [], // those for which there is room
  chosen: false, // columns are chosen, by hand or by what the events have
  functionWidth: 9,
  needle: "", // text that is marked
  colors: new Map(),

  colorOf(name) { return this.colors.get(name); },

  // fit takes what rows depend on from an answer, and says whether that has changed.
  fit(answer, width) {
    const before = JSON.stringify(this) + [...this.colors.keys()];
    const functions = answer.functions.map((f) => f.name).filter(Boolean);
    this.paint(functions);
    this.functionWidth = Math.min(22, Math.max(9, ...functions.map((f) => f.length)));
    const { from = 0, to = 0 } = answer.histogram ?? {};
    this.withDate = new Date(from).toDateString() !== new Date(to).toDateString();
    if (!this.chosen && answer.events.length > 0) {
      const most = Math.floor((width - 760) / 120);
      this.columns = chooseColumns(answer.events, Math.max(0, Math.min(4, most)));
      this.chosen = this.columns.length > 0;
    }
    return JSON.stringify(this) + [...this.colors.keys()] !== before;
  },

  // paint gives each function a colour: the one that its name stands for, so that it
  // has the same in every stream, or the next that is free. A few functions share the
  // six colours that differ most.
  paint(functions) {
    const taken = new Set(), colors = functions.length <= 6 ? 6 : 12;
    this.colors.clear();
    for (const name of functions.toSorted()) {
      let i = [...name].reduce((hash, c) => (hash * 31 + c.codePointAt(0)) >>> 0, 7) % colors;
      for (let tries = 0; taken.has(i) && tries < colors; tries++) i = (i + 1) % colors;
      taken.add(i);
      this.colors.set(name, `var(--f${i})`);
    }
  },

  toggleColumn(key, events) {
    const i = this.columns.findIndex((c) => c.key === key);
    if (i >= 0) this.columns.splice(i, 1);
    else this.columns.push(columnOf(events, key));
    this.chosen = true;
  },
};
