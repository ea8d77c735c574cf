// A table whose rows can be chosen: badges, bars, counts and ages. Only rows that changed are drawn again, so that the
// keyboard's focus and what is being read stay where they are. Everything from outside is set as text.
import { now, span, run, el, sheet, times, utc } from "./clock.js";
import { fresh } from "./live.js";
import { Chooser } from "./choice.js";

const css = await sheet(import.meta, "table.css");
const time = times({ day: "numeric", month: "short" });
const tables = new WeakMap();

export default fresh(draw);

function draw({ data, parentElement, setStateValue }) {
  let table = tables.get(parentElement);
  if (!table) {
    parentElement.adoptedStyleSheets = [css];
    table = make(parentElement, data);
    table.chooser = new Chooser(parentElement);
    tables.set(parentElement, table);
    run(parentElement, () => ticks(table));
  }
  table.choose = data.chooses ? (id) => table.chooser.tell(setStateValue, id) : null;
  table.chooser.answer(data.heard);
  table.clock = data.clock;
  const titles = JSON.stringify(data.columns);
  if (table.titles !== titles) {
    table.titles = titles;
    table.head.replaceChildren(...data.columns.map(heading));
    table.rows.clear();
  }
  table.columns = data.columns;
  table.caption.textContent = data.caption;
  table.caption.hidden = !data.caption;
  table.top.hidden = Boolean(data.caption) && !data.rows.length; // the caption says why there is none
  const focused = parentElement.activeElement?.closest?.("tbody")?.dataset.id;
  const kept = new Map();
  for (const row of data.rows) {
    const key = JSON.stringify([row, row.id === data.selected]), held = table.rows.get(row.id);
    kept.set(row.id, held?.key === key ? held : { key, node: group(table, row, row.id === data.selected) });
  }
  table.rows = kept;
  const nodes = [...kept.values()].map((one) => one.node);
  if (nodes.length !== table.box.tBodies.length || nodes.some((node, i) => table.box.tBodies[i] !== node)) {
    [...table.box.tBodies].forEach((node) => node.remove());
    table.box.append(...nodes);
    if (focused) kept.get(focused)?.node.querySelector("button")?.focus();
  }
  ticks(table);
}

function make(parent, data) {
  const scroller = el("div", "scroller"), box = document.createElement("table"), head = document.createElement("tr"), top = document.createElement("thead");
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-label", data.label);
  const caption = document.createElement("caption");
  top.append(head);
  box.append(caption, top);
  scroller.append(box);
  parent.append(scroller);
  return { box, head, top, caption, rows: new Map(), clock: data.clock };
}

function heading(column) {
  const cell = el("th", column.align ?? "", column.title);
  cell.scope = "col";
  if (column.width) cell.style.width = column.width;
  if (column.tip) cell.title = column.tip;
  return cell;
}

/** A row and, where something is to be said of it, its note: one tbody, so that both light up together. */
function group(table, row, selected) {
  const body = document.createElement("tbody"), line = document.createElement("tr");
  body.dataset.id = row.id;
  body.className = `${row.look ?? ""}${row.dim ? " dim" : ""}${selected ? " selected" : ""}${table.choose ? " chooses" : ""}`;
  if (selected) line.setAttribute("aria-current", "true");
  line.append(...row.cells.map((cell, i) => drawn(table, cell, table.columns[i], i === 0, row)));
  body.append(line);
  if (row.note) {
    const more = document.createElement("tr"), cell = el("td", "note");
    more.className = "more";
    cell.colSpan = row.cells.length;
    const text = el("span", "", row.note.text);
    if (row.note.since) {
      const age = el("b", "tick");
      age.wall = row.note.since;
      age.lead = row.note.lead;
      age.title = `${time(row.note.since)}, ${utc(row.note.since)}`;
      cell.append(age);
    }
    cell.append(text);
    more.append(cell);
    body.append(more);
  }
  if (table.choose) body.addEventListener("click", () => table.choose(row.id));
  return body;
}

function drawn(table, cell, column, first, row) {
  const node = document.createElement(first ? "th" : "td");
  node.className = [column?.align ?? "", cell.look ?? "", cell.mono ? "mono" : ""].join(" ");
  if (first) node.scope = "row";
  if (cell.tip) node.title = cell.tip;
  let main;
  if (first && table.choose) {
    main = el("button", "main", cell.text);
    main.type = "button";
    main.setAttribute("aria-label", `Open ${cell.text}`);
  } else if (cell.badge) main = el("span", "badge", cell.text);
  else if (cell.at) {
    main = el("span", "main tick", "");
    main.target = cell.at;
    main.title = `${time(cell.at)}, ${utc(cell.at)}`;
  } else main = el("span", "main", cell.text ?? "");
  if (cell.text || cell.at) node.append(main);
  for (const chip of cell.chips ?? []) node.append(el("span", `badge ${chip.look ?? ""}`, chip.text));
  if (cell.bar !== undefined && cell.bar !== null) {
    const track = el("span", "track"), fill = el("span", "fill");
    fill.style.width = `${Math.round(100 * Math.min(1, Math.max(0, cell.bar)))}%`;
    track.append(fill);
    node.append(track);
  }
  if (cell.sub) node.append(el("span", "sub", cell.sub));
  return node;
}

function ticks(table) {
  const at = now(table.clock), wall = Date.now() / 1000;
  for (const node of table.box.querySelectorAll(".tick")) {
    const text = node.wall ? `${node.lead} for ${span(wall - node.wall)}` : span(at - node.target);
    if (node.textContent !== text) node.textContent = text;
  }
}
