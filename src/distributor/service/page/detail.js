// One set in full: verdict and reason, its Gantt chart, its tasks.
import { query } from "./api.js";
import { find, make, plainLines, setFacts, setText } from "./dom.js";
import { clockTime, counted, short, setTitle, span } from "./format.js";
import { verdictSign } from "./sets.js";
import { taskTable } from "./tasks.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const NARROW = matchMedia("(max-width: 40rem)");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : DARK.matches;
}

/** @returns a function that opens a set */
export function setPanel(api) {
  const dialog = find("set");
  const body = find("set-body");
  let shown = null;
  let url = null;
  let abort = new AbortController();

  async function open(set) {
    close();
    shown = set;
    abort = new AbortController();
    setText(find("set-title"), `Set ${setTitle(set)}${set.name ? `: ${set.name}` : ""}`);
    const figure = make("figure");
    const rest = make("div", { class: "rest" }, make("p", { class: "muted" }, "Reading ..."));
    body.replaceChildren(...headOf(set), figure, rest);
    dialog.showModal();
    await Promise.all([drawChart(set, figure), drawTasks(set, rest)]);
  }

  async function drawTasks(set, rest) {
    try {
      const told = await api.json("GET", `results/${set.job}/${set.index}`, { signal: abort.signal });
      if (shown !== set) return;
      rest.replaceChildren(...restOf(told));
    } catch (error) {
      if (error.name !== "AbortError") rest.replaceChildren(make("p", { class: "failure" }, error.message));
    }
  }

  /** As a picture, and so without any right: what a name in it says is drawn, and nothing else. */
  async function drawChart(set, figure) {
    const look = query({ dark: isDark() ? 1 : "", narrow: NARROW.matches ? 1 : "" });
    const path = `results/${set.job}/${set.index}/gantt.svg${look}`;
    try {
      const svg = await (await api.open("GET", path, { signal: abort.signal })).text();
      if (shown !== set) return;
      URL.revokeObjectURL(url);
      url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
      const picture = make("img", { src: url, alt: `Gantt chart of set ${setTitle(set)}; its figures are in the table below` });
      const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Gantt chart" }, picture);
      figure.replaceChildren(scroll, make("figcaption", {},
        "A pale bar reaches from a job's release to its end, a strong one from its first instruction to " +
        "its end, with whatever preempted it; where switches were recorded, it is when the job ran."));
    } catch (error) {
      if (error.name === "AbortError") return;
      const why = error.status === 404 ? "There is no chart of this set." : error.message;
      figure.replaceChildren(make("p", { class: "muted" }, why));
    }
  }

  function close() {
    abort.abort();
    shown = null;
    if (url !== null) URL.revokeObjectURL(url);
    url = null;
  }

  dialog.addEventListener("close", () => {
    close();
    body.replaceChildren();
  });
  const again = () => {
    const figure = body.querySelector("figure");
    if (shown !== null && figure) void drawChart(shown, figure);
  };
  document.documentElement.addEventListener("themechange", again);
  DARK.addEventListener("change", again);
  NARROW.addEventListener("change", again);
  return (set) => void open(set);
}

function headOf(set) {
  const facts = make("dl", { class: "facts" });
  setFacts(facts, {
    Utilization: set.utilization === null ? null : short(set.utilization),
    Tasks: set.tasks,
    "Guest time": span(set.guest_s),
    "Host time": span(set.host_s),
    Finished: clockTime(set.finished_at),
    Machine: `${set.machine}, ${counted(set.attempts, "attempt")}`,
    Noisy: set.noise ? set.noise.reasons.join(", ") : null,
    Fingerprint: set.digest || null,
  });
  return [
    make("p", { class: `verdict ${set.verdict}` }, ...verdictSign(set.verdict)),
    ...(set.reason ? [make("p", { class: "reason" }, set.reason)] : []),
    facts,
  ];
}

function restOf(told) {
  const parts = [make("h3", {}, "Tasks"), taskTable(told.tasks, told.jobs)];
  if (told.jobs_left_out > 0)
    parts.push(make("p", { class: "muted" },
      `Of the first ${counted(told.jobs.length, "job")}; ${counted(told.jobs_left_out, "more is", "more are")} in the store.`));
  if (told.console) {
    const text = make("pre", { tabindex: "0", "aria-label": "Console of the machine" });
    text.textContent = plainLines(told.console);
    parts.push(make("details", {}, make("summary", {}, "What the machine printed last"), text));
  }
  return parts;
}
