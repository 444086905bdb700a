// Sets as they finish: the newest on top, or a page of older ones from the store.
import { find, make, makeRow, makeTable, setAttribute, setText, sync } from "./dom.js";
import { clockTime, count, moment, setTitle, SIGNS, short, span } from "./format.js";
import { fail } from "./dialog.js";
import { query } from "./api.js";

const SHOWN = 100;
const JOBS_SHOWN = 100;
const COLUMNS = [
  { title: "Set" },
  { title: "Verdict" },
  { title: "Load", side: "right" },
  { title: "Tasks", side: "right", wide: true },
  { title: "Host", side: "right", wide: true },
  { title: "Finished", side: "right", wide: true },
];

/**
 * @param showSet called with a set
 * @returns a function that shows the sets of one job
 */
export function showSets(model, api, showSet) {
  const table = makeTable("Sets that have their verdict, the newest first", COLUMNS);
  const body = table.tBodies[0];
  const place = find("sets-table");
  const verdict = find("filter-verdict");
  const job = find("filter-job");
  const hold = find("hold");
  let rows = [];
  let next = null;
  let newest = true; // else a page of older ones is shown
  let waiting = 0;
  let within = false; // the pointer, or the focus
  let asked = 0;
  let reading = false; // a page is on its way; what comes meanwhile is added to it
  place.className = "scroll list";
  place.append(table);

  const held = () => !newest || within || hold.getAttribute("aria-pressed") === "true";
  const wanted = (set) =>
    (!verdict.value || set.verdict === verdict.value) && (!job.value || set.job === Number(job.value));

  function create(set) {
    const row = makeRow(COLUMNS);
    row.cells[0].append(
      make("button", { type: "button", class: "link", onclick: () => showSet(set) }, setTitle(set)),
      make("span", { class: "name" }, set.name ? ` ${set.name}` : ""),
    );
    row.cells[1].append(...verdictSign(set.verdict), set.noise ? ", noisy" : "");
    row.cells[1].className = set.verdict;
    const texts = [short(set.utilization), count(set.tasks), span(set.host_s)];
    texts.forEach((each, column) => setText(row.cells[column + 2], each));
    const when = moment(set.finished_at)?.toISOString() ?? "";
    row.cells[5].append(make("time", { datetime: when }, clockTime(set.finished_at)));
    return row;
  }

  function draw() {
    takeFresh();
    sync(body, rows, key, create, () => {});
    table.hidden = rows.length === 0;
    find("newest").hidden = newest;
    find("older").hidden = next === null || rows.length === 0;
    find("sets-empty").hidden = rows.length > 0 || model.state === null;
    const filtered = verdict.value || job.value;
    setText(find("sets-empty"), filtered
      ? "No set is so yet: choose another verdict or job, or all."
      : "No set has its verdict yet. Add a job, and they come here as they finish.");
    setText(find("sets-note"), note());
    setText(find("sets-rate"), model.state ? `${model.state.sets_per_s.toFixed(1)} a second` : "");
  }

  function note() {
    if (!newest) return "Older sets; new ones wait.";
    if (waiting === 0) return held() && !within ? "Held: new sets wait." : "";
    const why = within ? "while you are in the list" : "while it is held";
    return `${count(waiting)} new ${waiting === 1 ? "set waits" : "sets wait"} ${why}.`;
  }

  function takeFresh() {
    if (reading) return;
    if (held()) {
      waiting = model.fresh.filter(wanted).length + model.dropped;
      return;
    }
    waiting = 0;
    const { sets, dropped } = model.takeFresh();
    const known = new Set(rows.map(key));
    const fresh = sets.filter((set) => wanted(set) && !known.has(key(set)));
    rows = fresh.concat(rows);
    if (rows.length > SHOWN || dropped) {
      rows.length = Math.min(rows.length, SHOWN);
      if (rows.length) next = rows.at(-1).id;
    }
  }

  /** Read a page from the store: the newest, or what came before `before`. */
  async function read(before = null) {
    const mine = ++asked;
    reading = true;
    try {
      const values = { verdict: verdict.value, job: job.value, before, limit: SHOWN };
      const told = await api.json("GET", `results${query(values)}`);
      if (mine !== asked) return;
      rows = told.results;
      next = told.next;
      newest = before === null;
    } catch (error) {
      if (mine === asked && error.status !== 401) fail(error);
    }
    if (mine !== asked) return;
    reading = false;
    draw();
  }

  function drawJobs() {
    const jobs = [...model.jobs.keys()].sort((one, other) => other - one).slice(0, JOBS_SHOWN);
    const chosen = Number(job.value);
    if (chosen && !jobs.includes(chosen)) jobs.push(chosen);
    const option = (number) => make("option", { value: number }, number || "all");
    sync(job, ["", ...jobs], (number) => number, option, () => {});
  }

  function show(number) {
    if (number !== null && !model.jobs.has(number)) return;
    drawJobs();
    job.value = number ?? "";
    job.dispatchEvent(new Event("change"));
    find("sets").scrollIntoView();
    job.focus({ preventScroll: true });
  }

  const enter = (inside) => {
    within = inside;
    model.touch("sets");
  };
  place.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && enter(true));
  place.addEventListener("pointerleave", (event) =>
    event.pointerType === "mouse" && enter(place.contains(document.activeElement)));
  place.addEventListener("focusin", () => enter(true));
  place.addEventListener("focusout", () => enter(place.matches(":hover")));
  hold.addEventListener("click", () => {
    setAttribute(hold, "aria-pressed", hold.getAttribute("aria-pressed") !== "true");
    model.touch("sets");
  });
  verdict.addEventListener("change", () => void read());
  job.addEventListener("change", () => {
    void read();
    model.touch("scope");
  });
  find("sets-filter").addEventListener("submit", (event) => event.preventDefault());
  find("older").addEventListener("click", () => void read(next));
  find("newest").addEventListener("click", () => void read());
  model.watch(["sets", "state"], draw);
  model.watch(["jobs"], drawJobs);
  model.watch(["snapshot"], () => newest && void read());
  return show;
}

const key = (set) => `${set.job}.${set.index}`;

/** A verdict: its sign, and the word. */
export function verdictSign(verdict) {
  return [make("span", { "aria-hidden": "true", class: "sign" }, SIGNS[verdict] ?? "?"), ` ${verdict}`];
}
