// Long lists are shown in parts, so that the page stays small however much there is.
import { make, setText } from "./dom.js";
import { count } from "./format.js";

export class Pager {
  #begin = 0;
  #node;
  #where = make("span", { class: "muted" });
  #back = make("button", { type: "button" }, "Previous");
  #on = make("button", { type: "button" }, "Next");

  constructor(node, what, size, draw) {
    this.size = size;
    this.#node = node;
    node.className = "pager";
    this.#back.setAttribute("aria-label", `Previous ${what}`);
    this.#on.setAttribute("aria-label", `Next ${what}`);
    this.#back.addEventListener("click", () => this.#move(-size, draw));
    this.#on.addEventListener("click", () => this.#move(size, draw));
    node.append(this.#back, this.#where, this.#on);
  }

  #move(by, draw) {
    this.#begin += by;
    draw();
  }

  /** The items that are on this part. */
  part(items) {
    const last = Math.max(0, Math.ceil(items.length / this.size) - 1) * this.size;
    this.#begin = Math.max(0, Math.min(this.#begin, last));
    const end = Math.min(items.length, this.#begin + this.size);
    this.#node.hidden = items.length <= this.size;
    setText(this.#where, `${count(this.#begin + 1)} to ${count(end)} of ${count(items.length)}`);
    this.#back.disabled = this.#begin === 0;
    this.#on.disabled = end === items.length;
    return items.slice(this.#begin, end);
  }
}
