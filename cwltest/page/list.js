// The list: as long as the stream, of which it holds what is on the screen and a
// little around it.

import { el } from "./dom.js";
import { rowHeight, waiting } from "./row.js";

const ahead = 150; // rows that are held above and below the screen
const tallest = 8_000_000; // pixels; browsers give up a little later

export class List {
  // load({from, n, at}) gives {from, at, matched, events}; render(event) a row.
  constructor({ scroller, canvas, rows, load, render, onScroll, onPick }) {
    Object.assign(this, { scroller, canvas, rows, load, render, onScroll, onPick });
    this.total = 0;
    this.from = 0; // index of the first event that is held
    this.events = [];
    this.cache = new Map(); // id to row
    this.follow = true;
    this.selected = undefined; // {id, index}
    this.asked = 0;
    this.shown = 0; // the answer that is shown
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    scroller.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    rows.addEventListener("click", (e) => {
      const row = e.target.closest(".row");
      if (row?.event && !getSelection().toString()) this.onPick(row.event, row.index);
    });
    new ResizeObserver(() => this.resized()).observe(scroller);
  }

  get height() { return Math.min(this.total * rowHeight, tallest); }
  get visible() { return Math.ceil(this.scroller.clientHeight / rowHeight); }

  // top is the row at the top of the screen. Beyond the tallest list a pixel of the
  // scroll bar is more than a pixel of a row.
  get top() {
    const room = this.height - this.scroller.clientHeight;
    if (this.total * rowHeight <= tallest || room <= 0) return this.scroller.scrollTop / rowHeight;
    return this.exact ?? (this.scroller.scrollTop / room) * (this.total - this.scroller.clientHeight / rowHeight);
  }

  scrollTo(row) {
    const most = Math.max(0, this.total - this.scroller.clientHeight / rowHeight);
    row = Math.max(0, Math.min(row, most));
    const scaled = this.total * rowHeight > tallest;
    this.exact = scaled ? row : undefined;
    this.scroller.scrollTop = scaled ? (row / most) * (this.height - this.scroller.clientHeight) : row * rowHeight;
    this.put = this.scroller.scrollTop; // so that the scroll event that comes is not taken for the user's
    this.draw();
  }

  wheel(e) {
    if (this.total * rowHeight <= tallest || e.ctrlKey) return;
    e.preventDefault();
    if (e.deltaY < 0) this.setFollow(false);
    this.scrollTo(this.top + e.deltaY / rowHeight);
    this.onScroll();
  }

  scrolled() {
    if (this.scroller.scrollTop === this.put) {
      this.draw();
      return;
    }
    this.put = undefined;
    this.exact = undefined;
    const bottom = this.height - this.scroller.clientHeight - this.scroller.scrollTop;
    this.setFollow(bottom < rowHeight / 2);
    this.draw();
  }

  resized() {
    if (this.follow) this.toEnd();
    else this.draw();
  }

  setFollow(on) {
    if (this.follow === on) return;
    this.follow = on;
    this.onScroll();
  }

  toEnd() { this.scrollTo(this.total); }

  // refresh asks anew for what is on the screen, or for the end of the list, or for
  // the surroundings of an event, which no other refresh overtakes: its answer says
  // where the list is.
  async refresh({ at, anchor } = {}) {
    if (at) return (this.seeking = this.ask(at, anchor));
    await this.seeking;
    return this.ask();
  }

  async ask(at, anchor) {
    const ask = ++this.asked;
    const n = this.visible + 2 * ahead;
    const request = at ? { at, n } : this.follow ? { from: -1, n } : { from: Math.max(0, Math.floor(this.top) - ahead), n };
    const answer = await this.load(request, ask);
    if (!answer || ask < this.shown) return undefined;
    this.shown = ask;
    this.take(answer);
    if (at && answer.matched > 0) {
      const index = Math.min(answer.at, answer.matched - 1);
      this.scrollTo(index - (anchor ?? this.visible / 3));
    } else if (this.follow) {
      this.toEnd();
    } else {
      this.draw();
    }
    return answer;
  }

  take(answer) {
    this.total = answer.matched;
    this.from = answer.from;
    this.events = answer.events;
    this.canvas.style.height = `${this.height}px`;
    const held = new Set(answer.events.map((e) => e.id));
    for (const id of this.cache.keys()) if (!held.has(id)) this.cache.delete(id);
  }

  // forget makes all rows anew, because what they look like has changed.
  forget() {
    this.cache.clear();
    this.draw();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.drawNow();
    });
  }

  drawNow() {
    const top = this.top;
    const first = Math.max(0, Math.floor(top) - 4);
    const last = Math.min(this.total, Math.ceil(top) + this.visible + 4);
    const rows = [];
    let lacking = false;
    for (let i = first; i < last; i++) {
      const event = this.events[i - this.from];
      if (!event) lacking = true;
      const row = event ? this.row(event) : waiting();
      row.index = i;
      rows.push(row);
    }
    // Rows stand relative to the screen, so that a scaled list moves by rows too.
    const offset = this.scroller.scrollTop + (first - top) * rowHeight;
    this.rows.style.transform = `translateY(${offset}px)`;
    this.rows.replaceChildren(...rows);
    if (lacking && this.asked === this.shown) this.refresh();
  }

  row(event) {
    let row = this.cache.get(event.id);
    if (!row) {
      row = this.render(event);
      row.event = event;
      this.cache.set(event.id, row);
    }
    row.setAttribute("aria-selected", event.id === this.selected?.id);
    return row;
  }

  eventAt(index) { return this.events[index - this.from]; }

  select(event, index) {
    this.selected = event && { id: event.id, index };
    if (event) {
      if (index < this.top + 1) this.scrollTo(index - 2);
      else if (index > this.top + this.visible - 3) this.scrollTo(index - this.visible + 4);
    }
    this.draw();
  }

  // place returns where a row of the list is on the screen, in rows.
  place() {
    const index = Math.floor(this.top) + 1;
    const event = this.eventAt(index) ?? this.eventAt(Math.floor(this.top));
    return event && { id: event.id, anchor: index - this.top };
  }
}

export function emptyState(title, text, ...more) {
  return [el("img", { src: "/page/icon.svg", alt: "", width: "44", height: "44" }), el("h2", {}, title), el("p", {}, text), ...more];
}
