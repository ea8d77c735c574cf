// Asks the server once a second whether there is anything new, and lets the page's live part run again only then: an
// unchanged screen costs about 300 bytes a second and no script run. Shared by all components of the page.
const EVERY_MS = 1000;
const PATIENCE_MS = 4000; // until the same news is asked for again
const listeners = new Map();
let url = null, latest = null;

/** Call `told` with each answer, and with null when there was none, for as long as `root` is on screen. */
export function subscribe(root, path, told) {
  listeners.set(root, told);
  if (latest) told(latest);
  if (url === null) {
    url = path;
    ask();
  }
}

async function ask() {
  for (const root of listeners.keys()) if (!(root.host ?? root).isConnected) listeners.delete(root);
  if (!document.hidden && listeners.size) {
    try {
      const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      latest = answer.ok ? { ...(await answer.json()), got: Date.now() / 1000 } : null;
    } catch {
      latest = null;
    }
    for (const told of listeners.values()) told(latest);
  }
  setTimeout(ask, EVERY_MS);
}

/** The versions of what a live part draws: of its parts of the snapshot, and of its own looks. */
const mark = (told, drawn) =>
  ["parts", "looks"].flatMap((kind) => Object.keys(drawn[kind] ?? {}).map((name) => told[kind]?.[name] ?? 0)).join(" ");

const live = new WeakMap();
const APART_MS = 250; // Streamlit takes what two live parts ask for at the same moment for one, and runs one of them
let free = 0;

/** Ask for a run of this live part, after those that were asked for just now. */
function askFor(part, state) {
  const now = Date.now();
  free = Math.max(now, free + APART_MS);
  setTimeout(() => part.trigger("news", state), free - now);
}

export default function draw({ data, parentElement, setTriggerValue }) {
  let part = live.get(parentElement);
  if (!part) {
    live.set(parentElement, (part = { asked: null, at: 0, drawn: data, trigger: setTriggerValue }));
    subscribe(parentElement, data.url, (news) => {
      const state = news && mark(news, part.drawn);
      if (!news || state === mark(part.drawn, part.drawn)) return;
      if (part.asked === state && Date.now() - part.at < PATIENCE_MS) return;
      Object.assign(part, { asked: state, at: Date.now() });
      askFor(part, state);
    });
  }
  Object.assign(part, { drawn: data, trigger: setTriggerValue });
}
