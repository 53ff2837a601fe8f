// The keyboard.

import { $ } from "./dom.js";

// listen calls the action of a key, unless somebody types.
export function listen(actions) {
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const search = $("search");
    if (e.target === search) {
      if (e.key === "Escape" || e.key === "Enter") search.blur();
      else if (e.key === "ArrowDown") { search.blur(); actions.j(); }
      else return;
      e.preventDefault();
      return;
    }
    if ($("help").open && e.key !== "?") return;
    if (e.key === "Enter" && e.target.closest("button, summary")) return;
    const action = actions[e.key];
    if (!action) return;
    e.preventDefault();
    action();
  });
}
