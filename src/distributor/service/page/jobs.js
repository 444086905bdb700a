// Jobs: how far each is, how long it may take, and what can be done to it.
import { find, make, setAttribute, setText, sync } from "./dom.js";
import { count, counted, span, verdictWords, VERDICTS } from "./format.js";
import { confirmed, fail, tell } from "./dialog.js";
import { Pager } from "./pager.js";

const SHOWN = 20;
const ENDED = new Set(["done", "cancelled", "failed"]);

/** @param showSets called with a job's number: show its sets */
export function showJobs(model, api, showSets) {
  const list = find("jobs-list");
  const pager = new Pager(find("jobs-pager"), "jobs", SHOWN, draw);

  async function change(number, verb, done) {
    try {
      model.apply("job", await api.json("POST", `jobs/${number}/${verb}`));
      tell(`Job ${number} ${done}.`);
    } catch (error) {
      fail(error);
    }
  }

  function toggle(number) {
    const paused = model.jobs.get(number)?.state === "paused";
    if (paused) void change(number, "resume", "goes on");
    else void change(number, "pause", "is paused: no further set of it is begun");
  }

  async function cancel(number) {
    const job = model.jobs.get(number);
    const left = job?.total == null ? "" : ` ${count(job.total - job.decided)} sets are left of it.`;
    const sure = await confirmed(
      `Cancel job ${number}?`,
      `Verdicts that it has are kept, no further set of it is run.${left}`,
      "Cancel the job",
    );
    if (sure) void change(number, "cancel", "is cancelled");
  }

  function create(job) {
    const title = `job ${job.number}`;
    const button = (text, handler, more = {}) =>
      make("button", { type: "button", "aria-label": `${text} ${title}`, onclick: handler, ...more }, text);
    const bar = make(
      "div",
      { class: "bar", role: "progressbar", "aria-label": `Progress of ${title}`, "aria-valuemin": 0 },
      ...VERDICTS.map((name) => make("span", { class: name })),
    );
    const node = make(
      "li",
      {},
      make("div", { class: "top" }, make("h3", {}, `Job ${job.number}`, make("span", { class: "name" })),
           make("span", { class: "chip" })),
      bar,
      make("p", { class: "counts" }),
      make("p", { class: "left muted" }),
      make("p", { class: "failure" }),
      make(
        "div",
        { class: "buttons" },
        button("Pause", () => toggle(job.number)),
        button("Cancel", () => void cancel(job.number), { class: "danger" }),
        button("Show sets", () => showSets(job.number)),
      ),
    );
    const at = (choice) => node.querySelector(choice);
    const [pause, end] = node.querySelectorAll("button");
    node.parts = { name: at(".name"), chip: at(".chip"), bar, counts: at(".counts"), left: at(".left"),
                   failure: at(".failure"), pause, end };
    return node;
  }

  function update(node, job) {
    const { name, chip, bar, counts, left, failure, pause, end } = node.parts;
    setText(name, job.name ? ` ${job.name}` : "");
    setText(chip, job.state);
    setAttribute(chip, "data-state", job.state);
    drawBar(bar, job);
    const of = job.total === null ? `${counted(job.decided, "set")} so far`
      : `${count(job.decided)} of ${counted(job.total, "set")}`;
    const words = verdictWords(job.verdicts);
    setText(counts, words ? `${of}: ${words}` : of);
    setText(left, job.left_s === null || ENDED.has(job.state) ? "" : `about ${span(job.left_s)} left`);
    setText(failure, job.error ?? "");
    const ended = ENDED.has(job.state);
    setText(pause, job.state === "paused" ? "Resume" : "Pause");
    setAttribute(pause, "aria-label", `${pause.textContent} job ${job.number}`);
    if (ended && node.contains(document.activeElement)) node.querySelector("button:last-child").focus();
    pause.hidden = end.hidden = ended;
  }

  function draw() {
    const jobs = [...model.jobs.values()].sort(openFirst);
    sync(list, pager.part(jobs), (job) => job.number, create, update);
    find("jobs-empty").hidden = jobs.length > 0 || model.state === null;
    const open = jobs.filter((job) => !ENDED.has(job.state)).length;
    setText(find("jobs-count"), jobs.length ? `${count(open)} open, ${count(jobs.length - open)} ended` : "");
  }

  model.watch(["jobs"], draw);
}

const openFirst = (one, other) =>
  ENDED.has(one.state) - ENDED.has(other.state) || other.number - one.number;

function drawBar(bar, job) {
  const total = job.total ?? job.decided;
  setAttribute(bar, "aria-valuemax", job.total);
  setAttribute(bar, "aria-valuenow", job.total === null ? null : job.decided);
  setAttribute(bar, "aria-valuetext", job.total === null ? `${counted(job.decided, "set")} so far` : null);
  bar.classList.toggle("endless", job.total === null && !ENDED.has(job.state));
  VERDICTS.forEach((name, place) => {
    const share = total ? (job.verdicts[name] ?? 0) / total : 0;
    const width = `${(share * 100).toFixed(2)}%`;
    if (bar.children[place].style.width !== width) bar.children[place].style.width = width;
  });
}
