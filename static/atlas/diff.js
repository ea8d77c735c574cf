// A unified diff, line by line. The sign tells added from removed, the colour only repeats it.
import { el, sheet } from "./clock.js";

const css = await sheet(import.meta, "diff.css");
const boxes = new WeakMap();

export default function draw({ data, parentElement }) {
  let box = boxes.get(parentElement);
  if (!box) {
    parentElement.adoptedStyleSheets = [css];
    box = parentElement.appendChild(el("div", "diff"));
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "What differs");
    boxes.set(parentElement, box);
  }
  const key = JSON.stringify(data);
  if (box.key === key) return;
  box.key = key;
  box.style.maxHeight = `${data.tall}px`;
  box.replaceChildren(...data.lines.map(([kind, line]) => el("div", kind, line || " ")));
  box.scrollTop = 0;
}
