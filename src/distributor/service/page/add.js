// Adding a job: a file of task sets, or a description of what to draw.
import { find, make, plain, setText } from "./dom.js";
import { counted } from "./format.js";
import { fail, tell } from "./dialog.js";
import { query } from "./api.js";

const TYPES = { json: "application/json", jsonl: "application/jsonl", csv: "text/csv" };
const FILE_MAX = 16 * 1024 * 1024;

/** The options of `distributor generate`: label, name, how it is read, value, what it may be. */
const FIELDS = [
  { label: "Name", name: "name", value: "", hint: "as you will find it again" },
  { label: "Numbers of tasks", name: "tasks", read: grid, value: "5", hint: "5, or 5,10 or 2:10:2" },
  { label: "Utilizations", name: "utilization", read: grid, value: "0.5:1.0:0.1", hint: "0.7, or 0.4:1.0:0.1" },
  { label: "Sets at each point", name: "sets", read: whole, value: "10", type: "number", min: 1 },
  { label: "Seed", name: "seed", read: whole, value: "1", type: "number", min: 0,
    hint: "the same one draws the same sets" },
];
const MORE = [
  { label: "Periods", name: "periods", value: "log-uniform:10ms-1s",
    hint: "uniform, log-uniform or harmonic:10ms-1s, automotive, or 10ms,20ms" },
  { label: "Deadlines", name: "deadlines", value: "implicit", hint: "implicit, constrained, constrained:0.5" },
  { label: "Priorities", name: "priorities", choice: ["rm", "dm", "audsley", "edf"] },
  { label: "Method", name: "method",
    choice: ["randfixedsum", "uunifast", "uunifast-discard", "convolutionalfixedsum"] },
  { label: "Most for one task", name: "caps", read: grid, value: "1", hint: "1, or one for each task: 0.5,0.3" },
  { label: "Processors", name: "processors", read: whole, value: "1", type: "number", min: 1 },
  { label: "Fit", name: "fit", choice: ["worst", "best", "first"] },
  { label: "Guest time, ms", name: "duration_ms", read: Number, value: "1000", type: "number", min: 1 },
];

/** @returns a function that opens the dialog */
export function addPanel(model, api) {
  const dialog = find("add-job");
  const file = find("file");
  const drop = find("drop");
  const [fromFile, atRandom] = dialog.querySelectorAll("form");

  async function add(form, path, options) {
    const button = form.querySelector("[type=submit]");
    const place = form.querySelector("[role=alert]");
    setText(place, "");
    button.disabled = true;
    try {
      const job = await api.json("POST", path, options);
      model.apply("job", job);
      dialog.close();
      form.reset();
      tell(`Job ${job.number} is added${job.total === null ? "" : `, of ${counted(job.total, "set")}`}.`);
    } catch (error) {
      fail(error, place);
    } finally {
      button.disabled = false;
    }
  }

  fromFile.addEventListener("submit", (event) => {
    event.preventDefault();
    const [chosen] = file.files;
    const type = TYPES[chosen?.name.split(".").at(-1).toLowerCase()];
    const place = fromFile.querySelector("[role=alert]");
    if (!type) return fail(new Error("A file that ends in .json, .jsonl or .csv is needed."), place);
    if (chosen.size > FILE_MAX)
      return fail(new Error("More than 16 MiB: run it in a terminal instead."), place);
    void add(fromFile, `jobs${query({ name: plain(chosen.name).slice(0, 200) })}`, { body: chosen, type });
  });

  atRandom.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, ...generate } = readFields(atRandom);
    const wrong = [...FIELDS, ...MORE].find((field) => [generate[field.name]].flat().some(Number.isNaN));
    if (wrong)
      return fail(new Error(`${wrong.label}: ${wrong.hint ?? "a number is needed"}.`),
        atRandom.querySelector("[role=alert]"));
    void add(atRandom, "jobs", { body: { name, generate } });
  });

  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) file.files = event.dataTransfer.files;
    });
  }
  // A file dropped beside its field would be opened in place of this page.
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

  const [first, second] = atRandom.querySelectorAll(".fields");
  first.append(...FIELDS.map(makeField));
  second.append(...MORE.map(makeField));
  const drawCount = () => {
    const { tasks, utilization, sets } = readFields(atRandom);
    const all = tasks.length * utilization.length * sets;
    setText(find("random-count"), all > 0 ? `${counted(all, "set")} in all.` : "");
  };
  atRandom.addEventListener("input", drawCount);
  atRandom.addEventListener("reset", () => setTimeout(drawCount));
  drawCount();
  return () => dialog.showModal();
}

function makeField({ label, name, value = "", hint, choice, type = "text", min }) {
  const id = `random-${name}`;
  const field = choice
    ? make("select", { id, name }, ...choice.map((each) => make("option", {}, each)))
    : make("input", { id, name, value, type, min, maxlength: 200, required: name !== "name",
                      "aria-describedby": hint ? `${id}-hint` : null });
  const told = hint ? [make("span", { id: `${id}-hint`, class: "hint" }, hint)] : [];
  return make("div", { class: "field" }, make("label", { for: id }, label), field, ...told);
}

function readFields(form) {
  const values = {};
  for (const { name, read = String } of [...FIELDS, ...MORE]) values[name] = read(form.elements[name].value);
  return values;
}

const GRID_MAX = 10_000;

/** `5`, `5,10` or `0.4:1.0:0.1` as numbers; NaN for what is none. */
export function grid(text) {
  const span = text.split(":").map(Number);
  if (span.length < 2) return text.split(",").map((each) => (each.trim() ? Number(each) : NaN));
  const [from, to, step = 1] = span;
  const steps = Math.floor((to - from) / step + 1e-9);
  if (!(step > 0) || !(steps >= 0) || steps > GRID_MAX || span.length > 3) return [NaN];
  // By whole steps and rounded: sums of fractions would drift.
  return Array.from({ length: steps + 1 }, (_, place) => Number((from + place * step).toFixed(9)));
}

function whole(text) {
  return Number.parseInt(text, 10);
}
