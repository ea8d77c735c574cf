// Which commit each cluster runs: clusters as rows, and commits down with the clusters as rails across them.
// Ages are counted here, so that nothing has to be sent while nothing happens.
import { now, span, run, el, sheet, times, utc } from "./clock.js";
import { Chooser } from "./choice.js";

const css = await sheet(import.meta, "delivery.css");
const time = times({ day: "numeric", month: "short" });
const panels = new WeakMap();

export default function draw({ data, parentElement, setStateValue }) {
  let panel = panels.get(parentElement);
  if (!panel) {
    parentElement.adoptedStyleSheets = [css];
    panel = { box: parentElement.appendChild(el("div")), ages: [], clock: data.clock, chooser: new Chooser(parentElement) };
    panels.set(parentElement, panel);
    run(parentElement, () => tick(panel));
  }
  panel.clock = data.clock;
  panel.choose = (id) => panel.chooser.tell(setStateValue, id);
  panel.chooser.answer(data.heard);
  const key = JSON.stringify({ ...data, clock: null, selected: null, heard: null });
  if (panel.key !== key) {
    panel.key = key;
    panel.ages = [];
    const scrolled = panel.box.querySelector(".graph")?.scrollTop ?? 0;
    panel.box.replaceChildren(...(data.mode === "clusters" ? [clusters(panel, data)] : [graph(panel, data), legend()]));
    const made = panel.box.querySelector(".graph");
    if (made) made.scrollTop = scrolled;
  }
  for (const row of panel.box.querySelectorAll(".row")) row.setAttribute("aria-pressed", String(row.dataset.sha === data.selected));
  tick(panel);
}

function tick(panel) {
  const at = now(panel.clock);
  for (const { node, since, before, after } of panel.ages) {
    const text = `${before}${span(at - since)}${after}`;
    if (node.textContent !== text) node.textContent = text;
  }
}

function aged(panel, node, since, before = "", after = " ago") {
  if (since) {
    panel.ages.push({ node, since, before, after });
    node.title = `${time(since)}, ${utc(since)}`;
  }
  return node;
}

function clusters(panel, data) {
  const box = el("div", "clusters");
  box.tabIndex = 0; // it scrolls
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Clusters");
  for (const one of data.clusters) {
    const row = el("div", `cluster ${one.look}`), name = el("span", "cut"), runs = el("span", "mono", one.commit ? `runs ${one.commit}` : "runs nothing yet");
    name.append(el("b", "", one.id));
    name.title = one.id;
    if (one.held) name.append(el("span", "held", `held at ${one.held}`));
    const words = el("span", "soft cut", one.sentence);
    words.title = one.sentence;
    row.append(name, el("span", "badge", one.standing), runs, aged(panel, el("span", "soft"), one.since, "synced "), words);
    box.append(row);
  }
  return box;
}

function graph(panel, data) {
  const box = el("div", "graph"), top = el("div", "top");
  box.style.setProperty("--n", data.clusters.length);
  if (data.tall) box.style.setProperty("--tall", `${data.tall}px`);
  for (const one of data.clusters) {
    const name = el("span", "name cut", one.name);
    name.title = `${one.id}: ${one.standing}`;
    top.append(name);
  }
  top.append(el("span", "sha", "Commit"), el("span", "", "What and why"), el("span", "by", "By"), el("span", "age", "When"));
  box.append(top);
  data.rows.forEach((row, i) => box.append(line(panel, data, row, i)));
  return box;
}

function line(panel, data, row, i) {
  const node = el("button", "row");
  node.dataset.sha = row.sha;
  node.addEventListener("click", () => panel.choose(row.sha));
  const said = [];
  data.clusters.forEach((one, n) => {
    const cell = el("span", `cell ${one.look}`), touched = row.touched.includes(n), here = one.place === i;
    if (i < one.first || i > one.last) cell.classList.add("none");
    if (i === one.first) cell.classList.add("first");
    if (i === one.last) cell.classList.add("last");
    if (one.place < 0 || i < one.place) cell.classList.add("ahead");
    if (touched) cell.classList.add("touched");
    if (here) cell.prepend(el("span", "here"));
    if (touched || here) said.push(`${one.id}${touched ? " changed here" : ""}${here ? " runs this commit" : ""}`);
    cell.title = [one.id, touched ? "changed by this commit" : "", here ? "runs this commit" : ""].filter(Boolean).join(", ");
    node.append(cell);
  });
  const what = el("span", "what"), subject = el("span", "subject"), title = el("span", "cut", row.subject);
  title.title = row.subject;
  subject.append(title);
  if (i === 0) subject.append(el("span", "tag head", "head"));
  if (row.drill) subject.append(el("span", "tag drill", "drill"));
  const why = el("span", "why cut soft", row.why);
  why.title = row.why;
  what.append(subject, why);
  why.style.display = "block";
  node.append(el("span", "sha mono", row.short), what, el("span", "by cut soft", row.by), aged(panel, el("span", "age soft"), row.at));
  node.setAttribute("aria-label", [`Commit ${row.short}: ${row.subject}`, ...said].join(". "));
  return node;
}

function legend() {
  const box = el("div", "legend soft");
  for (const [look, text] of [["", "changed this cluster's directory"], ["ahead", "not applied there yet"], ["here", "what the cluster runs now"]]) {
    const one = el("span");
    one.append(el("i", look), document.createTextNode(text));
    box.append(one);
  }
  return box;
}
