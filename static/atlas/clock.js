// The target's clock in the browser: the sandbox's time runs faster than the wall's, and countdowns follow it.
// `anchor` is {wall, target, speed} in epoch seconds; the server sends a new one only when the old one went wrong.
export const now = (anchor) => anchor.target + (Date.now() / 1000 - anchor.wall) * anchor.speed;

/** "45 s", "6 min 10 s", "2 h 5 min": the two largest units, never negative. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 600 && s % 60) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A way to tell times in the zone of this browser, with UTC for `title`: what is asked for beside the time of day. */
export function times(parts = {}) {
  const shape = { ...parts, hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const here = new Intl.DateTimeFormat("en-GB", shape), zoned = Object.keys(parts).length > 0;
  return (at) => here.format(new Date(at * 1000)).replace(",", "") + (zoned ? ` ${offset(at)}` : "");
}

/** "UTC+5:30": letters such as IST mean several zones. */
function offset(at) {
  const minutes = -new Date(at * 1000).getTimezoneOffset(), whole = Math.floor(Math.abs(minutes) / 60), rest = Math.abs(minutes) % 60;
  return "UTC" + (minutes ? `${minutes < 0 ? "-" : "+"}${whole}` : "") + (rest ? `:${String(rest).padStart(2, "0")}` : "");
}

const exact = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
export const utc = (at) => `${exact.format(new Date(at * 1000)).replace(",", "")} UTC`;

const SAID = /(?<!\d-\d\d )\b([01]\d|2[0-3]):([0-5]\d) UTC\b/g;
const brief = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** What the controller says, whose times are UTC, as nodes with the time of this browser and UTC to point at. It tells no
 * day: the time nearest to `moment` (epoch seconds) is taken. */
export function said(text, moment) {
  const nodes = [], today = moment * 1000;
  let end = 0;
  for (const found of text.matchAll(SAID)) {
    const day = new Date(today).setUTCHours(Number(found[1]), Number(found[2]), 0, 0), at = day + 86400000 * Math.round((today - day) / 86400000);
    const node = el("time", "", brief.format(at));
    node.dateTime = new Date(at).toISOString();
    node.title = found[0];
    nodes.push(text.slice(end, found.index), node);
    end = found.index + found[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** Call `tick` four times a second for as long as `root` is on screen. */
export function run(root, tick) {
  const host = root.host ?? root;
  const timer = setInterval(() => (host.isConnected ? tick() : clearInterval(timer)), 250);
  tick();
}

export const el = (name, className = "", text = "") => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
};

/** The style sheet beside the module, ready before the first drawing so that nothing flashes unstyled. */
export async function sheet(meta, name) {
  const text = await (await fetch(new URL(name, meta.url))).text();
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}
