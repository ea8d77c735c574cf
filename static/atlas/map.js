// The live world map. Its DOM survives refreshes: only what changed is patched, zoom and place stay the viewer's.
// Everything written on it goes through textContent; colours come from map.css and so from the theme.
import { arc, project, spread } from "./geo.js";
import { now, said, span, run, el, sheet } from "./clock.js";
import { fresh } from "./live.js";
import { Chooser } from "./choice.js";

const css = await sheet(import.meta, "map.css");
const NS = "http://www.w3.org/2000/svg";
const VIEWS = { World: [150, 44, 806, 392], Americas: [205, 95, 250, 260], Europe: [455, 82, 130, 92], Asia: [600, 110, 250, 235] };
const NARROW = 560;
const LEAP = 64; // pixels; a shorter arc is not seen between its marks
const STEPS = ["Wanted", "Provisioning", "Registering", "Syncing", "WaitingForGpu", "Starting", "Attaching", "Serving"];
const TITLES = { WaitingForGpu: "Waiting for GPU", StockedOut: "Stocked out", QuotaExceeded: "Quota exceeded", NotOffered: "Not offered" };
const KNOWN = {
  L: ["likely", "GPU likely"], P: ["possible", "GPU possible"], U: ["unlikely", "GPU unlikely"],
  "?": ["unknown", "offered, not tried yet"], Q: ["quota", "no quota"], N: ["none", "not offered"], "-": ["unseen", "not looked at yet"],
};
const HOPE = { L: "", P: " if there is stock", U: " if stock comes back", "?": " if there is stock" };
const SHAPES = {
  likely: "M0-4.6A4.6 4.6 0 1 1 0 4.6A4.6 4.6 0 1 1 0-4.6Z",
  possible: "M0-4.8L4.8 0L0 4.8L-4.8 0Z",
  unlikely: "M-4.6-3.4L4.6-3.4L0 4.6Z",
  unknown: "M0-3.1A3.1 3.1 0 1 1 0 3.1A3.1 3.1 0 1 1 0-3.1Z",
  unseen: "M0-2.6A2.6 2.6 0 1 1 0 2.6A2.6 2.6 0 1 1 0-2.6Z",
  quota: "M-3.2-3.2H3.2V3.2H-3.2Z",
  none: "M-2.4-2.4L2.4 2.4M2.4-2.4L-2.4 2.4",
};
const GLYPHS = {
  serving: "M-3.6 .2L-1 2.8L3.8-2.6", progress: "", blocked: "M0-4V.6M0 3.2V3.4",
  draining: "M-3.2-1.2L0 2.2L3.2-1.2", warm: "M-1.5-2.4V2.4M1.5-2.4V2.4", unreachable: "M-1.9-1.7A2 2 0 1 1 0 .6V1.2M0 3.4V3.6",
};
// Layers other than the first paint each region by one number. `better` is the end that is drawn in green.
const LAYERS = {
  availability: { title: "Availability" },
  health: { title: "Health", of: (r) => r.status && { share: r.status.unhealthy ? 0.5 : r.status.healthy ? 0 : 1, text: `${r.status.healthy}/${r.status.healthy + r.status.unhealthy} healthy` }, ends: ["healthy", "none healthy"], none: "no cluster" },
  traffic: { title: "Traffic", of: (r, all) => r.answers && { value: r.answers[0], text: `${Math.round((100 * r.answers[0]) / all.asked)} %` }, ends: ["fewest", "most"], up: true, none: "no requests in the last hour" },
  price: { title: "Price", of: (r) => r.usd && r.letter !== "N" && { value: r.usd, text: `$${r.usd.toFixed(2)}` }, ends: ["cheapest", "dearest"], none: "not offered" },
  latency: { title: "Latency", of: (r) => r.answers?.[1] != null && { value: r.answers[1], text: `${r.answers[1]} ms` }, ends: ["fastest", "slowest"], none: "not measured in the last hour" },
};
const maps = new WeakMap();
const files = new Map();
const get = (url) => files.get(url) ?? files.set(url, fetch(url).then((r) => r.json())).get(url);

export default fresh(draw);

function draw({ data, parentElement, setStateValue }) {
  let map = maps.get(parentElement);
  if (!map) maps.set(parentElement, (map = new WorldMap(parentElement)));
  map.set = setStateValue;
  map.region.answer(data.heard.selected);
  map.wish.answer(data.heard.layer);
  map.show(data);
}

class WorldMap {
  constructor(root) {
    root.adoptedStyleSheets = [css];
    this.box = el("div", "map");
    this.svg = svg("svg", { role: "group", "aria-label": "World map of regions" });
    this.ground = svg("g", { class: "ground" });
    [this.arcs, this.leaders, this.marks, this.names] = ["arcs", "leaders", "marks", "names"].map((name) => svg("g", { class: name }));
    this.svg.append(this.ground, this.arcs, this.leaders, this.marks, this.names);
    this.tip = el("div", "tip");
    this.legend = el("div", "legend");
    this.box.append(this.svg, this.tip, this.legend, this.layers(), this.controls());
    root.append(this.box);
    Object.assign(this, { region: new Chooser(root), wish: new Chooser(root, "layer"), nodes: new Map(), arcNodes: new Map(), view: null, data: null, hovered: null, engaged: false });
    this.ruler = document.createElement("canvas").getContext("2d");
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.pointer();
    run(root, () => this.tick());
  }

  choose(id) {
    this.region.tell(this.set, id);
  }

  async show(data) {
    this.data = data;
    if (this.told !== data.layer) this.layer = this.told = data.layer;
    const [world, places] = await Promise.all([get(data.world), get(data.places)]);
    if (!this.world) this.outline(world);
    this.places = places;
    const first = !this.nodes.size;
    this.patch();
    first ? this.resize() : this.layout();
  }

  outline(world) {
    this.world = world;
    for (const name of ["graticule", "land", "borders"]) this.ground.append(svg("path", { class: name, d: world[name] }));
    this.resize();
  }

  // -- what is shown -------------------------------------------------------------------------------------

  patch() {
    const fleet = new Map(this.data.fleet.map((one) => [one.id, one]));
    const counts = {};
    this.places.forEach((place, i) => {
      const letter = this.data.known[i] ?? "-", kind = KNOWN[letter][0];
      counts[letter] = (counts[letter] ?? 0) + 1;
      const node = this.nodes.get(place.id) ?? this.mark(place);
      node.region = { ...place, letter, kind, chance: this.data.chance[i], eta: this.data.eta[i], usd: this.data.usd[i], status: fleet.get(place.id), answers: this.data.answers[place.id] };
    });
    this.weigh();
    for (const node of this.nodes.values()) this.dress(node);
    this.paintArcs();
    this.paintLegend(counts);
    this.layerChips.forEach((chip, i) => { const on = Object.keys(LAYERS)[i] === this.layer; chip.classList.toggle("on", on); chip.setAttribute("aria-pressed", on); });
    if (this.hovered) this.paintTip();
  }

  /** What the chosen layer says of each region: a share from 0 (good, or least) to 1, and its words. */
  weigh() {
    const layer = LAYERS[this.layer], nodes = [...this.nodes.values()];
    const all = { asked: nodes.reduce((sum, { region }) => sum + (region.answers?.[0] ?? 0), 0) };
    for (const node of nodes) node.told = layer.of ? layer.of(node.region, all) || null : undefined;
    const values = nodes.map((node) => node.told?.value).filter((value) => value !== undefined);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    for (const { told } of nodes) if (told && told.share === undefined) told.share = high > low ? (told.value - low) / (high - low) : layer.up ? 1 : 0;
    this.range = values.length ? [nodes.find(({ told }) => told?.value === low).told.text, nodes.find(({ told }) => told?.value === high).told.text] : [];
  }

  mark(place) {
    const g = svg("g", { class: "mark", tabindex: 0, role: "button", "aria-label": place.id, "data-region": place.id });
    const part = (name, tag = "path", attributes = {}) => g.appendChild(svg(tag, { class: name, ...attributes }));
    const node = { g, x: 0, y: 0, r: 6, hit: part("hit", "circle"), pulse: part("pulse", "circle"), back: part("back", "circle"),
      track: part("track", "circle"), sweep: part("sweep", "circle", { pathLength: 100 }), dot: part("dot"), glyph: part("glyph"),
      ring: part("ring", "circle"), leader: svg("line", { class: "leader" }), name: svg("text", { class: "name" }) };
    g.addEventListener("click", () => this.choose(place.id));
    g.addEventListener("keydown", (e) => (e.key === "Enter" || e.key === " ") && (e.preventDefault(), this.choose(place.id)));
    for (const [on, off] of [["pointerenter", "pointerleave"], ["focus", "blur"]]) {
      g.addEventListener(on, () => { this.hovered = node; this.paintTip(); });
      g.addEventListener(off, () => { this.hovered = null; this.tip.classList.remove("on"); });
    }
    this.marks.append(g);
    this.leaders.append(node.leader);
    this.names.append(node.name);
    this.nodes.set(place.id, node);
    return node;
  }

  dress(node) {
    const { kind, status, id } = node.region, look = status ? lookOf(status.phase) : "";
    const plain = node.told === undefined, told = node.told;
    node.r = status ? 11 : !plain ? (told ? 7 : 3.5) : { none: 4, unseen: 4.5, unknown: 5.5 }[kind] ?? 7;
    node.g.style.setProperty("--share", told ? `${Math.round(100 * told.share)}%` : "0%");
    node.g.setAttribute("class", ["mark", plain ? kind : told ? "told" + (LAYERS[this.layer].up ? " amount" : "") : "untold", look && "fleet", look, id === this.data.selected && "selected"].filter(Boolean).join(" "));
    node.g.setAttribute("aria-label", `${id}, ${status ? titleOf(status.phase) : KNOWN[node.region.letter][1]}${told ? `, ${told.text}` : ""}`);
    node.dot.setAttribute("d", status ? "" : plain ? SHAPES[kind] : told ? SHAPES.likely : SHAPES.unseen);
    node.glyph.setAttribute("d", status ? GLYPHS[look] : "");
    for (const [part, r] of [["hit", Math.max(12, node.r + 3)], ["back", status ? 11 : 0], ["track", status ? 9 : 0], ["sweep", look === "progress" ? 9 : 0],
      ["pulse", look === "blocked" || look === "serving" ? 11 : 0], ["ring", node.r + 4]]) node[part].setAttribute("r", r);
    if (look === "progress") node.sweep.setAttribute("stroke-dasharray", `${Math.max(8, (100 * STEPS.indexOf(status.phase)) / (STEPS.length - 1))} 100`);
    node.text = told ? (status ? `${id}  ${told.text}` : told.text) : id;
    node.name.textContent = node.text;
    node.name.setAttribute("class", ["name", look, id === this.data.selected && "selected"].filter(Boolean).join(" "));
  }

  paintArcs() {
    const wanted = new Map(this.data.arcs.map((one) => [one.client.join() + one.region, one]));
    for (const [key, node] of this.arcNodes) if (!wanted.has(key)) { node.remove(); this.arcNodes.delete(key); }
    for (const [key, one] of wanted) {
      const place = this.places.find((p) => p.id === one.region);
      if (!place) continue;
      let node = this.arcNodes.get(key);
      if (!node) {
        node = svg("g", { class: "arc" });
        node.append(...["glow", "line", "flow"].map((name) => svg("path", { class: name })));
        node.long = arc(place.lat, place.lon, one.client[0], one.client[1]);
        this.arcs.append(node);
        this.arcNodes.set(key, node);
      }
      Object.assign(node, { from: one.client.join(), to: one.region });
      node.classList.toggle("latest", Boolean(one.latest));
      node.classList.toggle("lost", Boolean(one.lost));
    }
    this.clients = [...new Map(this.data.arcs.map((one) => [one.client.join(), one])).values()];
    this.clientNodes?.forEach((node) => node.remove());
    this.clientNodes = this.clients.map((one) => {
      const g = svg("g", { class: "client" });
      g.append(svg("circle", { r: 4 }), svg("circle", { r: 8, class: "halo" }));
      g.append(Object.assign(svg("text", { y: 4 }), { textContent: one.from }));
      this.marks.prepend(g);
      return g;
    });
  }

  paintLegend(counts) {
    const fleet = new Set(this.data.fleet.map((one) => lookOf(one.phase)));
    const key = JSON.stringify([counts, [...fleet], this.data.gpu, this.layer, this.range]);
    if (this.legendKey === key) return;
    this.legendKey = key;
    const layer = LAYERS[this.layer], about = { price: this.data.gpu, traffic: "Requests answered", latency: "Probes' middle time", health: "Endpoints" }[this.layer];
    this.legend.replaceChildren(el("b", "", about || this.data.gpu || "GPU"));
    if (layer.of) this.ramp(layer);
    else for (const [letter, [kind, words]] of Object.entries(KNOWN)) {
      if (!counts[letter]) continue;
      this.legend.append(entry(kind, SHAPES[kind], words.replace("GPU ", ""), counts[letter]));
    }
    if (fleet.size) this.legend.append(el("span", "turn"), el("b", "", "Fleet"));
    const words = { serving: "serving", progress: "on its way", blocked: "blocked", draining: "draining", warm: "kept warm, without a GPU", unreachable: "not answering" };
    for (const look of Object.keys(words)) if (fleet.has(look)) this.legend.append(entry("fleet " + look, GLYPHS[look], words[look]));
  }

  ramp(layer) {
    const ends = layer.ends.map((word, i) => (this.range[i] ? `${word} ${this.range[i]}` : word));
    const ramp = el("span", "ramp" + (layer.up ? " amount" : "")), [low, high] = this.range;
    if (low !== high || layer.ends[0] === "healthy") this.legend.append(el("span", "entry", ends[0]), ramp, el("span", "entry", ends[1]));
    else if (low) this.legend.append(el("span", "entry", `all ${low}`));
    this.legend.append(entry("untold", SHAPES.unseen, layer.none));
  }

  paintTip() {
    const { region, x, y } = this.hovered, status = region.status;
    const line = (className, text) => el("div", className, text);
    this.tip.replaceChildren(line("title", region.id), line("place", region.place));
    if (status) {
      this.tip.append(line("phase " + lookOf(status.phase), titleOf(status.phase)));
      if (status.message) { const told = line("message", ""); told.append(...said(status.message, now(this.data.clock))); this.tip.append(told); }
      if (status.eta) this.tip.append(line("eta", ""));
    }
    const chance = region.chance === null || region.chance === undefined ? "" : ` · ${region.chance} %`;
    this.tip.append(line("known " + region.kind, KNOWN[region.letter][1] + chance));
    const facts = [];
    if (!status && region.eta && region.letter in HOPE) facts.push(`serving in about ${span(region.eta)}${HOPE[region.letter]}`);
    if (region.usd) facts.push(`$${region.usd.toFixed(2)}/h`);
    if (region.answers) facts.push(`answered ${region.answers[0]} in the last hour` + (region.answers[1] == null ? "" : `, ${region.answers[1]} ms`));
    if (facts.length) this.tip.append(line("facts", facts.join(" · ")));
    const flip = x > this.width * 0.62;
    this.tip.classList.add("on");
    this.tip.style.left = flip ? "" : `${x + 18}px`;
    this.tip.style.right = flip ? `${this.width - x + 18}px` : "";
    this.tip.style.top = `${Math.max(8, Math.min(y - 22, this.height - this.tip.offsetHeight - 8))}px`;
    this.tick();
  }

  tick() {
    const eta = this.hovered && this.tip.querySelector(".eta"), status = this.hovered?.region.status;
    if (!eta || !status?.eta || !this.data.clock) return;
    const left = status.eta - now(this.data.clock);
    eta.textContent = left > 0 ? `serving in ${span(left)}` : `${span(-left)} later than expected`;
  }

  // -- where it is shown ---------------------------------------------------------------------------------

  resize() {
    const { width, height } = this.box.getBoundingClientRect();
    if (!width || !height) return;
    Object.assign(this, { width, height });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.view = this.fit(VIEWS[this.shown ?? "World"]);
    this.layout();
  }

  /** Whether the two rows of buttons lie one over the other; the same width is in map.css. */
  stacked() {
    return this.width < 61 * rem();
  }

  fit([x, y, w, h]) {
    const top = this.width < NARROW ? 5.8 * rem() : this.stacked() ? 2.6 * rem() : 8; // under the buttons where there is no room beside them
    const room = this.height - top - Math.max(54, this.legend.offsetHeight) - 12, k = Math.min(this.width / w, room / h);
    return { k, x: this.width / 2 - (x + w / 2) * k, y: top + room / 2 - (y + h / 2) * k };
  }

  layout() {
    if (!this.view || !this.places || !this.nodes.size) return;
    const { k, x, y } = this.view, nodes = this.places.map((place) => this.nodes.get(place.id));
    this.ground.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
    const screen = (lat, lon) => { const [u, v] = project(lat, lon); return { x: x + u * k, y: y + v * k }; };
    const points = nodes.map((node) => ({ ...screen(node.region.lat, node.region.lon), r: node.r }));
    const clients = (this.clients ?? []).map((one) => ({ ...screen(...one.client), r: 6 }));
    const spots = spread([...points, ...clients]);
    spots.slice(0, points.length).forEach((to, i) => {
      const node = nodes[i], from = points[i];
      Object.assign(node, to);
      node.g.setAttribute("transform", `translate(${to.x.toFixed(1)} ${to.y.toFixed(1)})`);
      const far = Math.hypot(to.x - from.x, to.y - from.y) > node.r;
      for (const [name, value] of [["x1", from.x], ["y1", from.y], ["x2", to.x], ["y2", to.y]]) node.leader.setAttribute(name, value.toFixed(1));
      node.leader.style.display = far ? "" : "none";
    });
    this.clientNodes?.forEach((g, i) => {
      const p = spots[points.length + i];
      g.setAttribute("transform", `translate(${p.x.toFixed(1)} ${p.y.toFixed(1)})`);
      Object.assign(this.clients[i], { ...p, r: 6 });
    });
    this.bend(`translate(${x} ${y}) scale(${k})`);
    this.label(nodes);
    if (this.hovered) this.paintTip();
  }

  /** Arcs follow the great circle; where that would hide under its own two ends, they leap over it. */
  bend(transform) {
    for (const node of this.arcNodes.values()) {
      const a = this.nodes.get(node.to), b = this.clients.find((one) => one.client.join() === node.from);
      const dx = a.x - b.x, dy = a.y - b.y, far = Math.hypot(dx, dy), leap = far < LEAP;
      const bow = (dx - dy > 0 ? 1 : -1) * (LEAP - far / 2) / Math.max(1, far), [u, v] = [dy * bow, -dx * bow]; // up or to the left
      const d = leap ? `M${b.x} ${b.y}C${b.x + u} ${b.y + v} ${a.x + u} ${a.y + v} ${a.x} ${a.y}` : node.long;
      node.middle = leap ? { x: (a.x + b.x) / 2 + 0.75 * u - 6, y: (a.y + b.y) / 2 + 0.75 * v - 6, w: 12, h: 12 } : null;
      node.setAttribute("transform", leap ? "" : transform);
      for (const path of node.children) path.setAttribute("d", d);
    }
  }

  label(nodes) {
    const taken = [...nodes, ...(this.clients ?? [])].map((it) => ({ x: it.x - it.r, y: it.y - it.r, w: 2 * it.r, h: 2 * it.r }));
    for (const { middle } of this.arcNodes.values()) if (middle) taken.push(middle);
    const close = this.view.k > 3.4, few = this.data.fleet.length <= 12 && this.width >= NARROW;
    const rank = (node) => (node.region.id === this.data.selected ? 0 : node.region.status ? 1 : 2);
    this.ruler.font = `600 ${0.8214 * rem()}px Inter, sans-serif`;
    for (const node of [...nodes].sort((a, b) => rank(a) - rank(b))) {
      const shown = rank(node) < 2 || close || node.told;
      const spot = shown && this.spot(node, taken, rank(node) === 0 || (rank(node) === 1 && few));
      node.name.style.display = spot ? "" : "none";
      if (!spot) continue;
      taken.push(spot);
      node.name.setAttribute("x", spot.x.toFixed(1));
      node.name.setAttribute("y", (spot.y + 11).toFixed(1));
    }
    this.clientNodes?.forEach((g, i) => {
      const client = this.clients[i], spot = this.spot({ ...client, region: { id: client.from } }, taken, true);
      g.lastChild.setAttribute("x", (spot.x - client.x).toFixed(1));
      g.lastChild.setAttribute("y", (spot.y - client.y + 11).toFixed(1));
    });
  }

  spot(node, taken, must) {
    const w = this.ruler.measureText(node.text ?? node.region.id).width + 2, h = 14, off = node.r + 5, { x, y } = node;
    const spots = [[x + off, y - 7], [x - off - w, y - 7], [x - w / 2, y - off - h], [x - w / 2, y + off - 1], [x + off - 3, y - off - 6], [x + off - 3, y + off - 8], [x - off - w, y - off - 6], [x - off - w, y + off - 8]];
    if (must) spots.push(...[14, 30, 46, 64].flatMap((d) => [[x - off - w - d, y + d / 2], [x - off - w - d, y - d / 2], [x + off + d, y + d / 2], [x - w / 2, y + off + d]]));
    const free = spots.map(([sx, sy]) => ({ x: sx, y: sy, w, h })).filter((s) => s.x > 4 && s.x + w < this.width - 4 && s.y > (this.stacked() ? 5.3 * rem() : 2))
      .find((s) => taken.every((t) => s.x + s.w < t.x || t.x + t.w < s.x || s.y + s.h < t.y || t.y + t.h < s.y));
    return free ?? (must ? { x: x + off + w > this.width ? x - off - w : x + off, y: y - 7, w, h } : null);
  }

  // -- the viewer's hand ---------------------------------------------------------------------------------

  layers() {
    const bar = el("div", "controls layers");
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "What the map shows");
    this.layerChips = Object.entries(LAYERS).map(([name, { title }]) => {
      const chip = el("button", "", title);
      chip.addEventListener("click", () => { this.layer = name; this.patch(); this.layout(); this.wish.tell(this.set, name); });
      bar.append(chip);
      return chip;
    });
    return bar;
  }

  controls() {
    const bar = el("div", "controls");
    const button = (text, label, act) => {
      const node = el("button", "", text);
      node.setAttribute("aria-label", label);
      node.addEventListener("click", act);
      bar.append(node);
      return node;
    };
    this.chips = Object.keys(VIEWS).map((name) => button(name, `Show ${name}`, () => this.fly(name)));
    this.chips[0].classList.add("on");
    button("+", "Zoom in", () => this.zoom(1.6, this.width / 2, this.height / 2, true)).classList.add("small");
    button("\u2212", "Zoom out", () => this.zoom(1 / 1.6, this.width / 2, this.height / 2, true)).classList.add("small");
    return bar;
  }

  fly(name) {
    this.shown = name;
    this.chips.forEach((chip) => chip.classList.toggle("on", chip.textContent === name));
    this.glide(this.fit(VIEWS[name]));
  }

  glide(to) {
    const from = { ...this.view }, start = performance.now(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    cancelAnimationFrame(this.frame);
    const step = (at) => {
      const t = still ? 1 : Math.min(1, (at - start) / 480), e = 1 - (1 - t) ** 3;
      const k = from.k * (to.k / from.k) ** e, mix = to.k === from.k ? e : (k - from.k) / (to.k - from.k);
      this.view = { k, x: from.x + (to.x - from.x) * mix, y: from.y + (to.y - from.y) * mix };
      this.layout();
      if (t < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  zoom(factor, cx, cy, smooth = false) {
    const k = Math.max(this.fit(VIEWS.World).k * 0.8, Math.min(16, this.view.k * factor)), ratio = k / this.view.k;
    const to = { k, x: cx - (cx - this.view.x) * ratio, y: cy - (cy - this.view.y) * ratio };
    this.chips.forEach((chip) => chip.classList.remove("on"));
    if (smooth) return this.glide(to);
    this.view = to;
    this.layout();
  }

  pointer() {
    let grip = null;
    const inside = (e) => { const b = this.box.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
    this.svg.addEventListener("wheel", (e) => {
      if (!this.engaged && !e.ctrlKey && !e.metaKey) return; // the page scrolls until the map was touched
      e.preventDefault();
      this.zoom(e.deltaY < 0 ? 1.18 : 1 / 1.18, ...inside(e));
    }, { passive: false });
    this.svg.addEventListener("pointerdown", (e) => { this.engaged = true; const [x, y] = inside(e); grip = { x, y, view: { ...this.view }, moved: false }; });
    this.svg.addEventListener("pointermove", (e) => {
      if (!grip || !e.buttons) return;
      const [x, y] = inside(e);
      if (!grip.moved && Math.hypot(x - grip.x, y - grip.y) < 4) return;
      if (!grip.moved) this.svg.setPointerCapture(e.pointerId);
      grip.moved = true;
      this.view = { ...grip.view, x: grip.view.x + x - grip.x, y: grip.view.y + y - grip.y };
      this.chips.forEach((chip) => chip.classList.remove("on"));
      this.layout();
    });
    this.svg.addEventListener("pointerup", () => { grip = null; });
    this.box.addEventListener("pointerleave", () => { this.engaged = false; });
  }
}

function lookOf(phase) {
  if (phase === "Serving") return "serving";
  if (phase === "Draining") return "draining";
  if (phase === "Warm") return "warm";
  if (phase === "Unreachable") return "unreachable";
  return STEPS.includes(phase) ? "progress" : "blocked";
}

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
const titleOf = (phase) => TITLES[phase] ?? phase;

function svg(name, attributes = {}) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function entry(kind, d, words, count) {
  const row = el("span", "entry"), icon = svg("svg", { viewBox: "-9 -9 18 18", class: "mark " + kind });
  if (kind.startsWith("fleet")) icon.append(svg("circle", { class: "back", r: 8 }), svg("circle", { class: "track", r: 6.6 }), svg("circle", { class: "sweep", r: 6.6, pathLength: 100, "stroke-dasharray": "62 100" }));
  icon.append(svg("path", { class: kind.startsWith("fleet") ? "glyph" : "dot", d }));
  row.append(icon, el("span", "", words));
  if (count) row.append(el("i", "", String(count)));
  return row;
}
