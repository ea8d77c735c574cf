// From six continents to the pods: address, proxy, URL map, backend service, groups by zone. Lines follow the boxes.
import { el, sheet } from "./clock.js";

const css = await sheet(import.meta, "traffic.css");
const SVG = "http://www.w3.org/2000/svg";
const panels = new WeakMap();

export default function draw({ data, parentElement }) {
  let panel = panels.get(parentElement);
  if (!panel) {
    parentElement.adoptedStyleSheets = [css];
    panel = { box: parentElement.appendChild(el("div")) };
    panel.watch = new ResizeObserver(() => lines(panel));
    panels.set(parentElement, panel);
  }
  const key = JSON.stringify(data);
  if (panel.key === key) return;
  panel.key = key;
  panel.data = data;
  const scrolled = panel.box.querySelector(".regions")?.scrollTop ?? 0;
  const flow = el("div", "flow"), art = document.createElementNS(SVG, "svg");
  art.setAttribute("aria-hidden", "true");
  flow.append(art, clients(data), front(data), service(data), regions(data));
  panel.box.replaceChildren(flow);
  const list = flow.querySelector(".regions");
  list.scrollTop = scrolled;
  list.addEventListener("scroll", () => lines(panel));
  panel.watch.disconnect();
  panel.watch.observe(flow);
  lines(panel);
}

const text = (className, said) => {
  const node = el("span", className, said);
  node.title = said;
  return node;
};

/** A heading in the first row of the grid and what belongs to it beneath. */
function column(place, title, body) {
  const head = el("h2", "", title);
  head.style.gridColumn = body.style.gridColumn = String(place);
  const both = document.createDocumentFragment();
  both.append(head, body);
  return both;
}

function clients(data) {
  const list = el("div", "column");
  for (const one of data.clients) {
    const box = el("div", `box client ${one.look}`), name = el("span", "cut");
    name.append(el("b", "", one.city), el("span", "soft", ` ${one.continent}`));
    box.append(name, text("cut soft", one.goes), ...(one.seen ? [text("cut", one.seen)] : []));
    box.title = one.more;
    list.append(box);
  }
  return column(1, data.told, list);
}

function front(data) {
  const chain = el("div", `chain${data.front.every((one) => one.name) ? "" : " off"}`);
  for (const one of data.front) {
    const box = el("div", `box${one.title ? " address" : ""}`);
    if (one.title) box.append(el("b", "cut", one.title));
    box.append(el("span", "cut soft", one.kind), text("cut mono", one.name || "not built yet"));
    chain.append(box);
  }
  return column(2, data.ingress, chain);
}

function service(data) {
  const one = data.service, box = el("div", `box service ${one.look}`);
  box.append(el("span", "badge", one.state), text("cut mono", one.name || "not built yet"));
  for (const said of one.facts) box.append(el("span", "why soft", said));
  return column(3, one.title, box);
}

function regions(data) {
  const list = el("div", "column regions");
  list.tabIndex = 0;
  list.setAttribute("aria-label", "Backends by region");
  for (const one of data.regions) {
    const box = el("div", `box region ${one.look}`), head = el("div", "head"), groups = el("div", "groups");
    head.append(text("cut", one.id), el("span", "badge", one.state));
    head.firstChild.style.fontWeight = 620;
    for (const group of one.groups) {
      const chip = el("span", `group ${group.look}${group.count ? "" : " empty"}`, `${group.zone} ${group.said}`);
      chip.title = group.more;
      groups.append(chip);
    }
    box.append(head, groups, ...(one.pod ? [text("cut mono", one.pod)] : []), el("span", "why soft", one.why));
    list.append(box);
  }
  if (!data.regions.length) list.append(el("div", "box soft", data.nothing));
  return column(4, "Backends: a group (NEG) a zone, and their pods", list);
}

/** Curves between the columns, by where the boxes are now; a box that is scrolled out of sight has none. */
function lines(panel) {
  const flow = panel.box.firstChild, art = flow.querySelector("svg"), zero = flow.getBoundingClientRect();
  const at = (node) => {
    const r = node.getBoundingClientRect();
    return { left: r.left - zero.left, right: r.right - zero.left, mid: r.top + r.height / 2 - zero.top };
  };
  const address = flow.querySelector(".chain").firstChild, last = flow.querySelector(".chain").lastChild, backend = flow.querySelector(".service");
  const made = [];
  flow.querySelectorAll(".client").forEach((node, i) => made.push(curve(at(node), at(address), panel.data.clients[i])));
  made.push(curve(at(last), at(backend), { look: panel.data.service.look, on: panel.data.service.on }));
  const list = flow.querySelector(".regions"), seen = list.getBoundingClientRect();
  list.querySelectorAll(".region").forEach((node, i) => {
    const r = node.getBoundingClientRect();
    if (r.top + r.height / 2 > seen.top - 2 && r.top + r.height / 2 < seen.bottom + 2) made.push(curve(at(backend), at(node), panel.data.regions[i]));
  });
  art.replaceChildren(...made);
}

function curve(from, to, { look, on }) {
  const x = from.right + 3, end = to.left - 3, bend = (end - x) / 2, both = document.createElementNS(SVG, "g");
  for (const kind of on ? ["bed", "runs"] : ["off"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M${x} ${from.mid} C${x + bend} ${from.mid} ${end - bend} ${to.mid} ${end} ${to.mid}`);
    path.setAttribute("class", `${look} ${kind}`);
    both.append(path);
  }
  return both;
}
