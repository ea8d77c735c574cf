// News for a component without a run of the page's script: when the pulse tells of it, all components of the page are
// given one answer, each its part. What the viewer chose stays with the data that the script gave.
import { subscribe } from "./pulse.js";

const watched = new WeakMap();
let latest = {};

/** The drawing function of a component whose data may say where its news is. */
export const fresh = (draw) => (component) => {
  draw(component);
  const root = component.parentElement, source = component.data.live;
  if (!source) return;
  const known = watched.get(root);
  const state = { version: source.version, source, paint: (part) => draw({ ...component, data: { ...component.data, ...part } }) };
  watched.set(root, state);
  if (!known) subscribe(root, source.pulse, (news) => news && catchUp(root, news.parts.all));
};

async function catchUp(root, version) {
  const state = watched.get(root);
  if (version <= state.version) return;
  const answer = await get(state.source.url, version);
  if (!answer || answer.version <= state.version || watched.get(root) !== state) return;
  state.version = answer.version;
  state.paint(answer[state.source.part]);
}

function get(url, version) {
  if (latest.url !== url || latest.version !== version || latest.failed) {
    const mine = (latest = { url, version, failed: false, answer: ask(url) });
    mine.answer.then((told) => { mine.failed = !told; });
  }
  return latest.answer;
}

async function ask(url) {
  try {
    const told = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    return told.ok ? await told.json() : null;
  } catch {
    return null; // the status line says that nothing answers; the next news is another try
  }
}
