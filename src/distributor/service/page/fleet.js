// The service as a whole: its state, verdicts, and what is done to all machines.
import { find, make, setAttribute, setFacts, setText, sync } from "./dom.js";
import { clockTime, count, counted, memory, SIGNS, VERDICTS } from "./format.js";
import { confirmed, fail, tell } from "./dialog.js";

/** What resuming ends. */
const STOPPED = new Set(["paused", "failed"]);

export function showFleet(model, api) {
  const input = find("maximum");
  const pause = find("pause-all");
  /** What was asked for last and is not answered yet. */
  let asked = null;

  async function change(verb, path, body, done) {
    try {
      model.apply("state", await api.json(verb, path, { body }));
      tell(done(model.state));
    } catch (error) {
      fail(error);
      draw();
    }
  }

  async function setMaximum(value) {
    asked = value;
    input.value = value;
    await change("PUT", "maximum", { maximum: value }, (state) =>
      `${counted(state.maximum, "machine")} at most from now on.`);
    if (asked === value) asked = null;
    drawMaximum();
  }

  const step = (by) => () => {
    const most = model.state?.max_allowed ?? Infinity;
    const now = asked ?? model.state?.maximum;
    if (now !== undefined) void setMaximum(Math.max(0, Math.min(most, now + by)));
  };
  find("fewer").addEventListener("click", step(-1));
  find("more").addEventListener("click", step(1));
  // Enter and leaving the field both change it.
  input.addEventListener("change", () => {
    if (!input.reportValidity()) return;
    if (input.valueAsNumber !== (asked ?? model.state?.maximum)) void setMaximum(input.valueAsNumber);
  });
  find("maximum-form").addEventListener("submit", (event) => event.preventDefault());

  pause.addEventListener("click", () => {
    if (STOPPED.has(model.state?.state))
      void change("POST", "resume", undefined, () => "All goes on.");
    else void change("POST", "pause", undefined, () => "Paused: machines end with their sets, and no further one is begun.");
  });
  find("kill-all").addEventListener("click", async () => {
    const sure = await confirmed(
      "Kill all machines?",
      "Every machine ends at once. Their sets go back into the queue; nothing is begun until you resume.",
      "Kill them all",
    );
    if (sure) void change("POST", "kill", undefined, () => "All machines were killed. Resume all, to go on.");
  });

  function drawMaximum() {
    const { maximum, max_allowed: most } = model.state;
    if (document.activeElement !== input && asked === null) input.value = maximum;
    setAttribute(input, "max", most);
    setText(find("maximum-note"), `of ${count(most)} allowed`);
    const now = asked ?? maximum;
    find("fewer").disabled = now <= 0 && document.activeElement !== find("fewer");
    find("more").disabled = now >= most && document.activeElement !== find("more");
  }

  function draw() {
    const state = model.state;
    if (state === null) return;
    drawMaximum();
    const word = find("run-state");
    setText(word, state.state);
    setAttribute(word, "data-state", state.state);
    setText(find("run-error"), state.error ?? "");
    setText(pause, STOPPED.has(state.state) ? "Resume all" : "Pause all");
    sync(find("verdicts"), VERDICTS, (name) => name, makeTile, (tile, name) =>
      setText(tile.querySelector("b"), count(state.verdicts[name] ?? 0)));
    setFacts(find("facts"), {
      Machines: `${count(state.machines)} of ${count(state.maximum)}`,
      Rate: `${perSecond(state.sets_per_s)} sets/s`,
      Jobs: `${count(state.jobs_open)} open, ${count(state.jobs_done)} ended`,
      "Host load": state.load.map((each) => each.toFixed(1)).join("  "),
      "Memory free": memory(state.memory_free_mib),
    });
    setText(
      find("about"),
      `Distributor ${state.version}, run ${state.run}, since ${clockTime(state.started_at)}. ` +
        `Clock ${state.clock}, network ${state.network}, ${counted(state.cpus, "processor")} each. ` +
        `Results in ${state.store}.`,
    );
    const done = Object.values(state.verdicts).reduce((sum, each) => sum + each, 0);
    document.title = `${count(done)} sets, ${state.state} - Distributor`;
  }

  model.watch(["state"], draw);
}

function makeTile(name) {
  const sign = make("span", { "aria-hidden": "true", class: "sign" }, SIGNS[name]);
  return make("li", { class: name }, make("b"), make("span", {}, sign, ` ${name}`));
}

const perSecond = (rate) => (rate >= 100 ? count(Math.round(rate)) : rate.toFixed(1));
