// Machines: what each is doing, how it is, and what it takes of the host.
import { find, make, makeRow, makeTable, setAttribute, setText, sync } from "./dom.js";
import { brief, count, memory, percent, span } from "./format.js";
import { Pager } from "./pager.js";

const SHOWN = 50;
const COLUMNS = [
  { title: "Machine" },
  { title: "State" },
  { title: "Set" },
  { title: "Up", side: "right" },
  { title: "Load", side: "right", wide: true },
  { title: "Memory", side: "right", wide: true },
  { title: "Sets", side: "right", wide: true },
];
const HEALTH = { good: "\u2713", unknown: "?", bad: "\u2717" };
const FILTERS = {
  "": () => true,
  busy: (machine) => machine.job !== null,
  trouble: (machine) => machine.health !== "good",
};
const byName = new Intl.Collator("en", { numeric: true }).compare;

/** Facts of a machine that its row has no room for, and those that it has. */
export function machineFacts(machine) {
  return {
    State: machine.state,
    Health: machine.health,
    Set: machine.job === null ? "none" : `${machine.job}.${machine.index} ${machine.name ?? ""}`,
    Up: span(uptime(machine)),
    Load: percent(machine.load),
    "Memory at most": memory(machine.memory_mib),
    Address: machine.address,
    "Sets finished": count(machine.sets),
  };
}

/** Seconds; the service tells them now and then, and they go on in between. */
function uptime(machine) {
  return machine.uptime_s + (performance.now() - machine.heard_ms) / 1000;
}

/** @param showConsole called with a machine's id */
export function showMachines(model, showConsole) {
  const table = makeTable("Machines, by their names", COLUMNS);
  const filter = find("filter-machines");
  find("machines-table").className = "scroll list";
  find("machines-table").append(table);
  const pager = new Pager(find("machines-pager"), "machines", SHOWN, draw);
  let shown = [];

  function create(machine) {
    const row = makeRow(COLUMNS);
    const open = () => showConsole(machine.id);
    row.cells[0].append(
      make("button", { type: "button", class: "link", "aria-label": `Console of ${machine.id}`, onclick: open },
           machine.id),
    );
    row.cells[1].append(make("span", { class: "health" }), make("span"));
    return row;
  }

  function update(row, machine) {
    const [, state, set, up, load, room, sets] = row.cells;
    const [sign, word] = state.children;
    setText(sign, HEALTH[machine.health] ?? "?");
    setAttribute(sign, "data-health", machine.health);
    setAttribute(sign, "title", `health: ${machine.health}`);
    setText(word, ` ${machine.state}${machine.health === "bad" ? ", bad" : ""}`);
    setText(set, machine.job === null ? "-" : `${machine.job}.${machine.index} ${machine.name ?? ""}`);
    setText(up, brief(uptime(machine)));
    setText(load, machine.load === null ? "-" : `${Math.round(machine.load * 100)} %`);
    setText(room, memory(machine.memory_mib));
    setText(sets, count(machine.sets));
  }

  function draw() {
    const all = [...model.machines.values()];
    const wanted = all.filter(FILTERS[filter.value]).sort((one, other) => byName(one.id, other.id));
    shown = pager.part(wanted);
    sync(table.tBodies[0], shown, (machine) => machine.id, create, update);
    const busy = all.filter(FILTERS.busy).length;
    const bad = all.filter((machine) => machine.health === "bad").length;
    setText(find("machines-count"),
      all.length ? `${count(all.length)}, ${count(busy)} with a set${bad ? `, ${count(bad)} bad` : ""}` : "");
    table.hidden = wanted.length === 0;
    find("machines-empty").hidden = wanted.length > 0 || model.state === null;
    setText(find("machines-empty"), emptiness(all.length));
  }

  function emptiness(all) {
    if (all > 0) return "None of the machines is so: show all of them.";
    if (model.state?.maximum === 0) return "No machine may run: raise the number of machines.";
    if (model.state?.state === "paused") return "No machine is up, and all is paused: resume to go on.";
    return "No machine is up. They start as soon as there is a job with sets to run.";
  }

  filter.addEventListener("change", draw);
  find("machines-filter").addEventListener("submit", (event) => event.preventDefault());
  model.watch(["machines", "state"], draw);
  // Times go on while nothing is told.
  setInterval(() => {
    if (!document.hidden && shown.length) model.touch("machines");
  }, 1000);
}
