// What was seen, decided and done, newest first. A line opens to its original words and its reasons.
import { now, span, run, el, sheet } from "./clock.js";

const css = await sheet(import.meta, "timeline.css");
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
const lists = new WeakMap();

export default function draw({ data, parentElement }) {
  let list = lists.get(parentElement);
  if (!list) {
    parentElement.adoptedStyleSheets = [css];
    list = { box: parentElement.appendChild(el("div", "timeline")), nodes: new Map(), clock: data.clock };
    lists.set(parentElement, list);
    run(parentElement, () => ages(list));
  }
  list.clock = data.clock;
  const wanted = new Set(data.rows.map((row) => row.id));
  for (const [id, node] of list.nodes) if (!wanted.has(id)) { node.remove(); list.nodes.delete(id); }
  let before = null;
  for (const row of data.rows) {
    let node = list.nodes.get(row.id);
    if (!node) list.nodes.set(row.id, (node = line(list, row)));
    const next = before ? before.nextSibling : list.box.firstChild;
    if (next !== node) list.box.insertBefore(node, next);
    before = node;
  }
  ages(list);
}

function line(list, row) {
  const node = el("article", "line " + row.kind), head = el("button", "head"), text = el("span", "text");
  head.append(el("span", "icon", row.icon), el("time", "", time.format(new Date(row.at * 1000))), text, el("span", "age"));
  const title = el("span", "title", row.title);
  text.append(title);
  if (row.region) text.append(el("span", "region", row.region));
  text.append(el("span", "words", row.words));
  node.append(head);
  node.at = row.at;
  if (row.more.length) {
    const more = el("div", "more");
    for (const [name, value] of row.more) more.append(el("span", "name", name), el("span", "value", value));
    node.append(more);
    head.setAttribute("aria-expanded", "false");
    head.addEventListener("click", () => head.setAttribute("aria-expanded", String(node.classList.toggle("open"))));
    head.classList.add("opens");
  }
  return node;
}

function ages(list) {
  const at = now(list.clock);
  for (const node of list.nodes.values()) {
    const age = node.querySelector(".age"), text = `${span(at - node.at)} ago`;
    if (age.textContent !== text) age.textContent = text;
  }
}
