// What the page knows. Events change it as they come; views read it when the next frame is drawn,
// so that a thousand changes in between cost one drawing.

/** Sets that wait to be drawn; older ones are in the store. */
const SETS_MAX = 200;
const JOBS_MAX = 1000;
const MACHINES_MAX = 5000;
/** Time over which a load is measured, at least: times are told in tenths of a second. */
const SPAN_S = 0.7;

export class Model {
  state = null;
  jobs = new Map();
  machines = new Map();
  /** Sets that finished since the list last took them, newest first. */
  fresh = [];
  /** How many of them were left out. */
  dropped = 0;
  #views = [];
  #changed = new Set();
  #frame = null;

  /** Draw with `draw` whenever one of `parts` (state, jobs, machines, sets) has changed. */
  watch(parts, draw) {
    this.#views.push({ parts, draw });
  }

  apply(name, data) {
    switch (name) {
      case "snapshot":
        this.#begin(data);
        break;
      case "state":
        this.state = data;
        this.touch("state");
        break;
      case "job":
        this.#keep(this.jobs, data.number, data, JOBS_MAX);
        this.touch("jobs");
        break;
      case "machine":
        if (data.state === "dead") this.machines.delete(data.id);
        else this.#keep(this.machines, data.id, loaded(data, this.machines.get(data.id)), MACHINES_MAX);
        this.touch("machines");
        break;
      case "sets":
        this.#add(data);
        break;
      case "dropped":
        this.dropped += data.n ?? data.dropped ?? 0;
        this.touch("sets");
        break;
      default: // of a newer service
    }
  }

  /** Draw what shows a part in the next frame. */
  touch(part) {
    this.#changed.add(part);
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      const changed = this.#changed;
      this.#changed = new Set();
      for (const { parts, draw } of this.#views) {
        if (parts.some((part) => changed.has(part))) draw();
      }
    });
  }

  takeFresh() {
    const taken = { sets: this.fresh, dropped: this.dropped };
    this.fresh = [];
    this.dropped = 0;
    return taken;
  }

  #begin({ state, jobs, machines }) {
    this.state = state;
    this.jobs = new Map(jobs.map((job) => [job.number, job]));
    this.machines = new Map(machines.map((machine) => [machine.id, loaded(machine)]));
    for (const part of ["state", "jobs", "machines", "snapshot"]) this.touch(part);
  }

  #keep(known, key, value, most) {
    known.set(key, value);
    if (known.size > most) known.delete(known.keys().next().value);
  }

  #add(sets) {
    this.fresh = [...sets].reverse().concat(this.fresh);
    if (this.fresh.length > SETS_MAX) {
      this.dropped += this.fresh.length - SETS_MAX;
      this.fresh.length = SETS_MAX;
    }
    this.touch("sets");
  }
}

/**
 * A machine with its load: the host processors that it used, told twice during one set. A sealed
 * machine is another process for each set, whose time begins at 0.
 */
function loaded(machine, before) {
  const now = { ...machine, heard_ms: performance.now(), load: before?.load ?? null };
  const goesOn = before && before.job === machine.job && before.index === machine.index &&
    before.since.uptime_s <= machine.uptime_s && before.since.work_s <= machine.work_s;
  now.since = goesOn ? before.since : { uptime_s: machine.uptime_s, work_s: machine.work_s };
  const over_s = machine.uptime_s - now.since.uptime_s;
  if (over_s < SPAN_S || machine.work_s === null) return now;
  now.load = (machine.work_s - now.since.work_s) / over_s;
  now.since = { uptime_s: machine.uptime_s, work_s: machine.work_s };
  return now;
}
