// The fleet at a glance: four figures and the latest decision. One component, because it is drawn with every refresh of
// every viewer. Everything from outside is set as text.
import { el, now, said, sheet, times, utc } from "./clock.js";
import { fresh } from "./live.js";

const css = await sheet(import.meta, "glance.css");
const time = times(), dated = times({ day: "numeric", month: "short" });
const panels = new WeakMap();

export default fresh(draw);

function draw({ data, parentElement }) {
  let panel = panels.get(parentElement);
  if (!panel) {
    parentElement.adoptedStyleSheets = [css];
    panel = { box: parentElement.appendChild(el("div", "glance")), keys: [] };
    panels.set(parentElement, panel);
  }
  const parts = [...data.cards.map((one) => () => card(one)), () => decision(data.decision, data.clock)];
  const keys = [...data.cards, data.decision].map((one) => JSON.stringify(one));
  parts.forEach((make, i) => {
    if (panel.keys[i] === keys[i]) return;
    const before = panel.box.children[i];
    before ? before.replaceWith(make()) : panel.box.append(make());
  });
  panel.keys = keys;
}

function card(one) {
  const node = el("section", "card"), figure = el("p", "figure");
  figure.append(el("b", one.color, one.value), one.rest);
  const notes = one.notes.filter(Boolean).map((text) => Object.assign(el("span", "note", text), { title: text.trim() }));
  if (one.marked) notes[0].prepend(el("b", one.mark_color, one.marked));
  node.append(el("p", "title", one.title), figure, ...notes);
  return node;
}

function decision(one, clock) {
  const node = el("section", "card decision"), title = el("p", "title", one.at ? "Latest decision · " : "What the controller is doing");
  if (one.at) {
    const at = el("time", "", (one.dated ? dated : time)(one.at));
    at.dateTime = new Date(one.at * 1000).toISOString();
    at.title = utc(one.at);
    title.append(at, " · ", el("b", "", one.what));
  }
  const text = el("p", "said"), more = el("p", "more");
  text.append(...said(one.said, now(clock)));
  text.title = one.said;
  node.append(title, text);
  if (one.more) {
    more.append(...said(one.more, now(clock)));
    more.title = one.more;
    node.append(more);
  }
  return node;
}
