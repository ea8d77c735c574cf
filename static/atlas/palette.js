// The command palette: Ctrl+K (or Cmd+K, or "?") opens it on every page, digits lead to the screens. What a command does is
// decided by the server; nothing destructive happens here: such a command opens its dialog, which shows the plan first.
import { el, sheet } from "./clock.js";

const css = await sheet(import.meta, "palette.css");
const parts = new WeakMap();
let current = null; // the one on screen: a page change draws another

document.addEventListener("keydown", (event) => current?.isConnected() && current.key(event));

export default function draw({ data, parentElement, setTriggerValue }) {
  let part = parts.get(parentElement);
  if (!part) parts.set(parentElement, (part = new Palette(parentElement)));
  part.choose = (id) => setTriggerValue("command", id);
  part.show(data);
  current = part;
}

class Palette {
  constructor(root) {
    root.adoptedStyleSheets = [css];
    this.root = root;
    this.open = el("button", "open");
    this.open.append(el("span", "word", "Go to…"), el("kbd", "", /Mac|iP/.test(navigator.platform) ? "⌘ K" : "Ctrl K"));
    this.open.setAttribute("aria-label", "Open the command palette");
    this.dialog = el("dialog");
    this.dialog.setAttribute("aria-label", "Commands");
    this.input = el("input");
    for (const [name, value] of [["placeholder", "A screen, a region, an action"], ["role", "combobox"], ["aria-label", "Find a command"],
      ["aria-controls", "commands"], ["aria-expanded", "true"], ["autocomplete", "off"], ["spellcheck", "false"]]) this.input.setAttribute(name, value);
    this.list = el("div", "list");
    this.list.id = "commands";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Commands");
    this.dialog.append(this.input, this.list);
    root.append(this.open, this.dialog);
    this.open.addEventListener("click", () => this.begin());
    this.input.addEventListener("input", () => this.paint());
    this.dialog.addEventListener("keydown", (event) => this.steer(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  isConnected() {
    return (this.root.host ?? this.root).isConnected;
  }

  show(data) {
    this.commands = data.commands;
    if (this.dialog.open) this.paint();
  }

  key(event) {
    const bare = !event.ctrlKey && !event.metaKey && !event.altKey;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.dialog.open ? this.dialog.close() : this.begin();
    } else if (bare && !this.dialog.open && !writes(event)) {
      if (event.key === "?") { event.preventDefault(); this.begin(); }
      const found = this.commands.find((one) => one.key && one.key === event.key);
      if (found) { event.preventDefault(); this.choose(found.id); }
    }
  }

  begin() {
    this.input.value = "";
    this.at = 0;
    this.paint();
    this.dialog.showModal();
    this.input.focus();
  }

  paint() {
    const wanted = this.input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (one) => wanted.every((word) => `${one.title} ${one.about} ${one.group}`.toLowerCase().includes(word));
    this.found = this.commands.filter((one) => fits(one) && (wanted.length || !one.deep));
    this.at = Math.max(0, Math.min(this.at, this.found.length - 1));
    const rows = [];
    this.found.forEach((one, i) => {
      if (one.group !== this.found[i - 1]?.group) rows.push(el("div", "group", one.group));
      const row = el("div", "row" + (i === this.at ? " on" : ""));
      row.id = `command-${i}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", i === this.at);
      row.setAttribute("aria-disabled", Boolean(one.refused));
      row.append(el("b", "", one.title), el("span", "about", one.refused || one.about));
      if (one.key) row.append(el("kbd", "", one.key));
      row.addEventListener("click", () => this.take(one));
      rows.push(row);
    });
    if (!rows.length) rows.push(el("div", "none", "Nothing fits. Try a screen, a region such as us-central1, or recover."));
    this.list.replaceChildren(...rows);
    this.input.setAttribute("aria-activedescendant", this.found.length ? `command-${this.at}` : "");
    this.list.querySelector(".on")?.scrollIntoView({ block: "nearest" });
  }

  steer(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.at = (this.at + step + this.found.length) % Math.max(1, this.found.length);
      this.paint();
    } else if (event.key === "Enter" && !event.isComposing && this.found[this.at]) {
      event.preventDefault();
      this.take(this.found[this.at]);
    }
    event.stopPropagation();
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); this.dialog.close(); }
  }

  take(one) {
    if (one.refused) return;
    this.dialog.close();
    this.choose(one.id);
  }
}

/** Whether the key belongs to something that is being written in, or chosen from. */
function writes(event) {
  const target = event.composedPath()[0];
  return target instanceof Element && (target.isContentEditable || Boolean(target.closest("input, textarea, select, [role=listbox], [role=combobox], [role=dialog]"))) || Boolean(document.querySelector("[role=dialog]"));
}
