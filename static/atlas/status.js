// The line on every page that says which world this is, what time it is there and how old the picture is.
import { now, span, run, el, sheet, times, utc } from "./clock.js";
import { subscribe } from "./pulse.js";

const css = await sheet(import.meta, "status.css");
const lines = new WeakMap();
const time = times({ weekday: "short" });

export default function draw({ data, parentElement }) {
  let line = lines.get(parentElement);
  if (!line) {
    parentElement.adoptedStyleSheets = [css];
    const box = parentElement.appendChild(el("div", "status"));
    line = { badge: el("span", "badge"), clock: el("time", "clock"), loop: el("span", "chip loop"), age: el("span", "chip age"), said: null, silent: 0 };
    box.append(line.loop, line.age, line.clock, line.badge);
    lines.set(parentElement, line);
    subscribe(parentElement, data.url, (news) => {
      if (news) Object.assign(line, { said: news, silent: 0 });
      else line.silent ||= Date.now() / 1000;
    });
    run(parentElement, () => tick(line));
  }
}

function tick({ said, silent, badge, clock, loop, age }) {
  if (!said) return;
  const speed = said.clock.speed, at = now(said.clock), wall = Date.now() / 1000;
  badge.textContent = said.label;
  badge.hidden = !said.label;
  badge.title = said.label ? "Everything here comes from the sandbox: no cloud, no bill." : "";
  clock.textContent = time(at) + (said.label ? (speed === 0 ? " \u00b7 paused" : ` \u00b7 ${+speed.toFixed(1)}\u00d7`) : "");
  const told = utc(at);
  if (clock.title !== told) clock.title = told;
  const old = said.age === null ? null : said.age + wall - said.got;
  age.textContent = silent && wall - silent > 3 ? `dashboard silent for ${span(wall - silent)}` : old === null ? "starting" : old < 5 ? "live" : `as of ${span(old)} ago`;
  age.className = "chip age " + (old === null ? "warn" : old >= 15 || (silent && wall - silent > 3) ? "bad" : old >= 5 ? "warn" : "good");
  const quiet = said.loop === null || speed === 0 ? null : (at - said.loop) / Math.max(1, speed);
  loop.hidden = quiet === null;
  loop.textContent = quiet < 12 ? "controller at work" : `controller silent for ${span(quiet)}`;
  loop.className = "chip loop " + (quiet < 12 ? "good" : "bad");
}
