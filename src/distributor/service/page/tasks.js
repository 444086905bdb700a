// What the jobs of a set come to, task by task.
import { make, makeRow, makeTable, setText } from "./dom.js";
import { count, duration, percent } from "./format.js";

const EDF = 128;
const COLUMNS = [
  { title: "Task" },
  { title: "Priority", side: "right" },
  { title: "Period", side: "right" },
  { title: "Deadline", side: "right" },
  { title: "Jobs", side: "right" },
  { title: "Response min", side: "right" },
  { title: "median", side: "right" },
  { title: "max", side: "right" },
  { title: "max / deadline", side: "right" },
  { title: "Tardiness max", side: "right" },
  { title: "Misses", side: "right" },
];

/**
 * A row for each task. Tardiness is what a response time is above its deadline, never below 0;
 * the median is a time that occurred, the lower one of two.
 */
export function taskTable(tasks, jobs) {
  const table = makeTable("Priority 0 is the highest; EDF: earliest deadline first.", COLUMNS, false);
  const byTask = new Map(tasks.map((task) => [task.task_id, []]));
  for (const job of jobs) byTask.get(job.task_id)?.push(job);
  for (const task of tasks) {
    const own = byTask.get(task.task_id);
    const row = makeRow(COLUMNS);
    cellsOf(task, own).forEach((text, place) => setText(row.cells[place], text));
    const misses = own.filter((job) => !job.met).length;
    if (misses) row.cells[10].prepend(make("span", { "aria-hidden": "true", class: "sign" }, "\u2717 "));
    row.cells[10].classList.toggle("missed", misses > 0);
    table.tBodies[0].append(row);
  }
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Tasks of the set" }, table);
}

function cellsOf(task, jobs) {
  const responses = jobs.map((job) => job.response_ns).sort((one, other) => one - other);
  const max = responses.at(-1);
  const tardiness = jobs.reduce((most, job) => Math.max(most, job.response_ns - job.deadline_ns), 0);
  return [
    `${task.task_id} ${task.name || task.executable}`,
    task.priority === EDF ? "EDF" : task.priority,
    duration(task.period_ns),
    duration(task.deadline_ns),
    `${count(jobs.length)} of ${count(task.numberofjobs)}`,
    duration(responses[0]),
    duration(responses[Math.ceil(responses.length / 2) - 1]),
    duration(max),
    percent(max === undefined ? null : max / task.deadline_ns),
    jobs.length ? duration(tardiness) : "-",
    count(jobs.filter((job) => !job.met).length),
  ];
}
