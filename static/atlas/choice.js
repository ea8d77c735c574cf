// What a viewer chose in a component, on its way to the server. A request that crosses the redrawing of a page can be
// dropped on either side, so a choice is told again while nothing drawn since has answered it.
const PATIENCE_MS = 3000;
const AGAIN = 2; // times

export class Chooser {
  constructor(root, name = "selected") {
    Object.assign(this, { root: root.host ?? root, name, at: 0, timer: 0 });
  }

  /** `set` is Streamlit's setStateValue. The moment goes with the choice, so that the same can be chosen twice. */
  tell(set, id) {
    this.at = Date.now();
    this.send(set, id, AGAIN);
  }

  send(set, id, again) {
    clearTimeout(this.timer);
    set(this.name, { id, at: this.at });
    if (again) this.timer = setTimeout(() => this.root.isConnected && this.send(set, id, again - 1), PATIENCE_MS);
  }

  /** With each drawing: `heard` is the moment of the last choice that the server has followed. */
  answer(heard) {
    if (heard >= this.at) clearTimeout(this.timer);
  }
}
