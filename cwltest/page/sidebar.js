// Groups and streams, and what to do when there are none.

import { $, copy, count, el, short } from "./dom.js";
import { emptyState } from "./list.js";

export const sameStream = (a, b) => a && b && a.region === b.region && a.group === b.group && a.stream === b.stream;

// streamsOf returns all streams of a listing in the order in which they are shown.
export function streamsOf(listing) {
  return listing.groups.flatMap((g) => g.streams.map((s) => ({ region: g.region, group: g.name, stream: s.name, events: s.events })));
}

// sidebar shows a listing. A stream that got events since the last one is live.
export function sidebar(listing, before, current, pick) {
  const known = new Map();
  for (const s of before ? streamsOf(before) : []) known.set(`${s.region}\n${s.group}\n${s.stream}`, s.events);
  const nodes = [];
  for (const g of listing.groups) {
    const notes = [g.region === listing.region ? "" : g.region, g.retention ? `${g.retention} d` : ""].filter(Boolean).join(", ");
    nodes.push(el("h2", { title: `${g.name}\n${g.region}, ${count(g.bytes)} bytes` }, el("span", {}, g.name), notes ? el("small", {}, notes) : ""));
    for (const s of g.streams) {
      const place = { region: g.region, group: g.name, stream: s.name };
      const events = known.get(`${g.region}\n${g.name}\n${s.name}`);
      nodes.push(el("button", {
        type: "button", class: before && s.events !== events ? "stream live" : "stream", title: s.name,
        "aria-current": sameStream(place, current) ? "true" : "false", onclick: () => pick(place),
      }, el("i"), el("span", {}, s.name), el("small", {}, short(s.events))));
    }
  }
  $("groups").replaceChildren(...nodes);
}

// welcome says how to send something here.
export function welcome(listing) {
  const variables = [
    ["AWS_ENDPOINT_URL", location.origin],
    ["AWS_REGION", listing.region],
    ["AWS_DEFAULT_REGION", listing.region], // boto3 reads no other
    ["AWS_ACCESS_KEY_ID", listing.accessKey || "local"],
    ["AWS_SECRET_ACCESS_KEY", listing.secret ? "…" : "local-secret-access-key"],
  ];
  const environment = variables.map(([name, value]) => `export ${name}=${value}`).join("\n");
  const lines = variables.flatMap(([name, value]) => ["export ", el("b", {}, name), `=${value}\n`]);
  return emptyState("Nothing has logged here yet",
    "Start your program with these variables in its environment. Its log stream opens here by itself, as soon as there is one.",
    card("Environment, for every AWS SDK and the aws command", environment, lines),
    el("p", {}, listing.secret ? "This server wants the access key and the secret that it was started with." : "Any access key and any secret will do: nothing leaves this machine."));
}

function card(title, text, nodes) {
  return el("div", { class: "card" },
    el("header", {}, title, el("button", { type: "button", onclick: () => copy(text, "environment") }, "Copy")),
    el("pre", {}, ...nodes));
}
