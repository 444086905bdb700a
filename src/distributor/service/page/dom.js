// Elements are made here and nowhere else. What a user, a task or a machine named enters as text:
// no module of this page writes markup, and the policy of the page forbids it as well.

// Controls, and what reorders text, so that a name cannot pass for another.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const UNSEEN_IN_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export const find = (id) => document.getElementById(id);

/** A text on one line, with nothing in it that is not seen. */
export const plain = (text) => String(text ?? "").replace(UNSEEN, "\ufffd");

/** The same, but for line ends and tabulators. */
export const plainLines = (text) =>
  String(text ?? "").replace(/\r\n/g, "\n").replace(UNSEEN_IN_LINES, "\ufffd");

/** An element with attributes, handlers (`onclick`) and children: elements, or text. */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : plain(value));
  }
  node.append(...children.map((child) => (child instanceof Node ? child : plain(child))));
  return node;
}

/** Sets a text, if it is another one. */
export function setText(node, text) {
  const told = plain(text);
  if (node.textContent !== told) node.textContent = told;
}

/** Sets an attribute, if it is another one; null takes it away. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** One node for each item, in their order; nodes that stay are neither made anew nor moved. */
export function sync(parent, items, key, create, update) {
  const known = (parent.nodesByKey ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [old, node] of known) {
    if (!wanted.has(old)) {
      node.remove();
      known.delete(old);
    }
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    let node = known.get(key(item));
    if (node === undefined) {
      node = create(item);
      known.set(key(item), node);
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
    update(node, item);
  }
}

/** A table: `columns` are {title, side?, wide?}; rows are added to its `tBodies[0]`. */
export function makeTable(caption, columns, unseen = true) {
  const heads = columns.map((column) =>
    make("th", { scope: "col", class: columnClass(column) }, column.title),
  );
  return make(
    "table",
    {},
    make("caption", unseen ? { class: "unseen" } : {}, caption),
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody"),
  );
}

/** A row of such a table, its cells empty; the first is its head. */
export function makeRow(columns) {
  const cells = columns.map((column, place) =>
    place === 0
      ? make("th", { scope: "row", class: columnClass(column) })
      : make("td", { class: columnClass(column) }),
  );
  return make("tr", {}, ...cells);
}

function columnClass(column) {
  return [column.side, column.wide && "wide-only"].filter(Boolean).join(" ") || null;
}

/** The terms and values of a `dl`, made once and filled again. */
export function setFacts(list, facts) {
  sync(
    list,
    Object.entries(facts).filter(([, value]) => value !== null && value !== undefined),
    ([name]) => name,
    ([name]) => make("div", {}, make("dt", {}, name), make("dd")),
    (node, [, value]) => setText(node.lastElementChild, value),
  );
}
