// What was seen, decided and done, newest first. A line opens to its original words and its reasons.
import { now, said, span, run, el, sheet, times, utc } from "./clock.js";

const css = await sheet(import.meta, "timeline.css");
const time = times();
const day = times({ day: "numeric", month: "short" });
const dates = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const lists = new WeakMap();

export default function draw({ data, parentElement }) {
  let list = lists.get(parentElement);
  if (!list) {
    parentElement.adoptedStyleSheets = [css];
    list = { box: parentElement.appendChild(el("div", "timeline")), nodes: new Map(), days: new Map(), clock: data.clock };
    lists.set(parentElement, list);
    run(parentElement, () => ages(list));
  }
  list.clock = data.clock;
  const wanted = new Set(data.rows.map((row) => row.id));
  for (const [id, node] of list.nodes) if (!wanted.has(id)) { node.remove(); list.nodes.delete(id); }
  let before = null, marked = false;
  const put = (node) => {
    const next = before ? before.nextSibling : list.box.firstChild;
    if (next !== node) list.box.insertBefore(node, next);
    before = node;
  };
  let date = dates.format(new Date(now(data.clock) * 1000));
  const seen = new Set();
  for (const row of data.rows) {
    const its = dates.format(new Date(row.at * 1000));
    if (its !== date) { date = its; seen.add(its); put(heading(list, its)); }
    if (data.mark !== null && !marked && row.at <= data.mark + 0.999) { put(moment(list, data.mark)); marked = true; }
    let node = list.nodes.get(row.id);
    if (!node) list.nodes.set(row.id, (node = line(list, row, data.opened)));
    node.classList.toggle("marked", data.mark !== null && Math.abs(row.at - data.mark) < 1);
    put(node);
  }
  if (data.mark !== null && !marked) put(moment(list, data.mark));
  for (const [name, node] of list.days) if (!seen.has(name)) { node.remove(); list.days.delete(name); }
  if (data.mark === null && list.mark) { list.mark.remove(); list.mark = null; }
  if (list.mark && list.shown !== data.mark) { list.shown = data.mark; requestAnimationFrame(() => list.mark?.scrollIntoView({ block: "center" })); }
  ages(list);
}

/** Where another day begins than that of the line above, or than today. */
function heading(list, name) {
  if (!list.days.has(name)) list.days.set(name, el("div", "day", name));
  return list.days.get(name);
}

/** The moment of a link, between the lines before it and those after it. */
function moment(list, at) {
  list.mark ??= el("div", "moment");
  list.mark.title = utc(at);
  const text = `${day(at)}, the moment of the link`;
  if (list.mark.textContent !== text) list.mark.textContent = text;
  return list.mark;
}

/** This page at the moment of a line, with the filters as they are. */
function linkTo(at) {
  const address = new URL(location.href);
  address.searchParams.set("at", new Date(at * 1000).toISOString().slice(0, 19) + "Z");
  for (const name of ["activity_when", "activity_page"]) address.searchParams.delete(name);
  return address.href;
}

function line(list, row, opened) {
  const node = el("article", "line " + row.kind), head = el("button", "head"), text = el("span", "text");
  const when = el("time", "", time(row.at));
  when.dateTime = new Date(row.at * 1000).toISOString();
  when.title = utc(row.at);
  head.append(el("span", "icon", row.icon), when, text, el("span", "age"));
  const title = el("span", "title", row.title);
  text.append(title);
  if (row.region) text.append(el("span", "region", row.region));
  const words = el("span", "words");
  words.append(...said(row.words, row.at));
  text.append(words);
  node.append(head);
  node.at = row.at;
  if (row.more.length) {
    const more = el("div", "more");
    for (const [name, value] of row.more) more.append(el("span", "name", name), el("span", "value", value));
    node.append(more);
    head.setAttribute("aria-expanded", "false");
    if (opened) { node.classList.add("open"); head.setAttribute("aria-expanded", "true"); }
    head.addEventListener("click", () => head.setAttribute("aria-expanded", String(node.classList.toggle("open"))));
    head.classList.add("opens");
  }
  const link = el("a", "link", "#");
  link.href = linkTo(row.at);
  link.addEventListener("mouseenter", () => { link.href = linkTo(row.at); });
  link.setAttribute("aria-label", `Link to ${time(row.at)}`);
  link.title = "Link to this moment";
  node.append(link);
  return node;
}

function ages(list) {
  const at = now(list.clock);
  for (const node of list.nodes.values()) {
    const age = node.querySelector(".age"), text = `${span(at - node.at)} ago`;
    if (age.textContent !== text) age.textContent = text;
  }
}
