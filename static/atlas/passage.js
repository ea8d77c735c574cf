// How regions come to serve: one lane a region, or all phases of one region as a waterfall. Bars grow and ETAs count
// down here, in the browser, so that nothing has to be sent while nothing happens.
import { now, said, span, run, el, sheet } from "./clock.js";
import { fresh } from "./live.js";
import { Chooser } from "./choice.js";

const css = await sheet(import.meta, "passage.css");
const PROGRESS = ["Wanted", "Provisioning", "Registering", "Syncing", "WaitingForGpu", "Starting", "Attaching", "Serving"];
const TITLES = { WaitingForGpu: "Waiting for GPU", StockedOut: "Stocked out", QuotaExceeded: "Quota exceeded", NotOffered: "Not offered" };
const titleOf = (phase) => TITLES[phase] ?? phase;
const panels = new WeakMap();

export default fresh(draw);

function draw({ data, parentElement, setStateValue }) {
  let panel = panels.get(parentElement);
  if (!panel) {
    parentElement.adoptedStyleSheets = [css];
    panel = { box: parentElement.appendChild(el("div", "passage")), ticks: [], clock: data.clock, chooser: new Chooser(parentElement) };
    panels.set(parentElement, panel);
    run(parentElement, () => panel.ticks.forEach((tick) => tick()));
  }
  const follows = data.heard !== undefined; // somebody does: leases are only looked at
  panel.choose = (id) => follows && panel.chooser.tell(setStateValue, id);
  if (follows) panel.chooser.answer(data.heard);
  const key = JSON.stringify({ ...data, clock: null, heard: null });
  panel.clock = data.clock;
  if (panel.key === key) return;
  panel.key = key;
  panel.ticks = [];
  panel.box.className = "passage " + data.mode;
  panel.box.replaceChildren(...(data.mode === "lanes" ? data.rows.map((row) => lane(panel, row, data.selected)) : [waterfall(panel, data.rows[0])]));
  panel.ticks.forEach((tick) => tick());
}

function lane(panel, row, selected) {
  const node = el("button", `lane ${lookOf(row.phase)}${row.id === selected ? " selected" : ""}`);
  node.addEventListener("click", () => panel.choose(row.id));
  const head = el("span", "who"), bar = el("span", "bar"), reached = PROGRESS.indexOf(row.phase);
  head.append(el("b", "", row.id), el("i", "", row.meta));
  const furthest = reached >= 0 ? reached : Math.max(0, ...row.steps.map(([phase]) => PROGRESS.indexOf(phase)));
  PROGRESS.slice(1).forEach((phase, i) => {
    const cell = el("span", "cell " + (i + 1 < furthest || row.phase === "Serving" ? "done" : i + 1 === furthest || (i === 0 && furthest === 0) ? "here" : ""));
    cell.title = titleOf(phase);
    bar.append(cell);
  });
  const message = el("span", "message");
  message.append(...said(row.message ?? "", now(panel.clock)));
  const phase = el("span", "phase", titleOf(row.phase)), time = el("span", "time");
  node.append(head, ...(row.lease ? [] : [bar]), phase, time, message);
  if (row.lease) node.classList.add("lease");
  panel.ticks.push(() => (time.textContent = moment(panel, row)));
  return node;
}

function moment(panel, row) {
  const at = now(panel.clock);
  if (row.lease && !row.until) return "until it is changed";
  if (row.until) return row.until > at ? `lease ends in ${span(row.until - at)}` : "lease over";
  if (row.eta && ["progress", "blocked"].includes(lookOf(row.phase))) {
    const left = row.eta - at, slow = (row.etaLate ?? row.eta) - at, late = row.late ? `, this step ${span(row.late)} late` : "";
    if (left < 0) return `${span(-left)} over its ETA${late}`;
    return `serving in ${band(left, slow)}${late}`;
  }
  return row.since ? `for ${span(at - row.since)}` : "";
}

/** "6 to 9 min": seconds only in the last minute, for it is an estimate. */
function band(left, slow) {
  const [from, to] = [left, slow].map((one) => Math.round(one / 60));
  if (slow <= left * 1.1) return span(left);
  return left < 60 || slow > 3600 ? `${span(left)} to ${span(slow)}` : from === to ? `${from} min` : `${from} to ${to} min`;
}

function waterfall(panel, row) {
  const box = el("div", "fall " + lookOf(row.phase)), top = el("div", "top");
  const eta = el("span", "eta");
  top.append(el("span", "phase", titleOf(row.phase)), eta);
  box.append(top);
  panel.ticks.push(() => (eta.textContent = moment(panel, row)));
  const steps = row.steps, last = steps.length - 1, began = steps[0]?.[1] ?? row.since;
  if (!steps.length) return box;
  const done = row.phase === "Serving";
  const bars = steps.map(([phase, since], i) => {
    const line = el("div", `step ${lookOf(phase)}${i === last ? " current" : ""}`), track = el("span", "track"), fill = el("span", "fill"), took = el("span", "took");
    track.append(fill);
    line.append(el("span", "label", titleOf(phase)), track, took);
    box.append(line);
    return { since, until: steps[i + 1]?.[1], fill, took };
  });
  for (const phase of row.ahead ?? []) {
    const line = el("div", "step ahead");
    line.append(el("span", "label", titleOf(phase)), el("span", "track"), el("span", "took", ""));
    box.append(line);
  }
  panel.ticks.push(() => {
    const at = now(panel.clock), end = done ? steps[last][1] : Math.max(at, row.eta ?? 0), whole = Math.max(1, end - began) * (done ? 1.12 : 1);
    bars.forEach(({ since, until, fill, took }) => {
      const stop = until ?? (done ? began + whole : at);
      fill.style.left = `${(100 * Math.max(0, since - began)) / whole}%`;
      fill.style.width = `max(3px, ${(100 * Math.max(0, stop - since)) / whole}%)`;
      took.textContent = span((until ?? at) - since);
    });
  });
  return box;
}

function lookOf(phase) {
  if (phase === "Serving") return "serving";
  if (phase === "Draining") return "draining";
  if (phase === "Warm") return "warm";
  if (phase === "Unreachable") return "unreachable";
  return PROGRESS.includes(phase) ? "progress" : "blocked";
}
