// Schedulability over utilization, drawn as it grows.
import { find, make, makeRow, makeTable, setText } from "./dom.js";
import { count, counted, percent, short } from "./format.js";
import { query } from "./api.js";

const AGAIN_MS = 3000;
const HEIGHT = 220;
const EDGE = { left: 44, right: 12, top: 10, bottom: 34 };
const COLUMNS = ["Utilization", "Sets", "Schedulable", "Ratio", "95 % from", "to"].map(
  (title, place) => ({ title, side: place ? "right" : null }),
);

export function showRatio(model, api) {
  const place = find("ratio-chart");
  const job = find("filter-job");
  let points = [];
  let timer = null;
  let decided = null;
  let asked = 0;
  let took_ms = 0;

  async function read() {
    timer = null;
    const mine = ++asked;
    const begun = performance.now();
    try {
      const told = await api.json("GET", `ratio${query({ job: job.value })}`);
      took_ms = performance.now() - begun;
      if (mine !== asked) return;
      points = told.points;
      draw();
    } catch {
      // The connection's own state tells it; the next set asks again.
    }
  }

  /** When sets have come; the more seldom, the more the service has to count. */
  function ask() {
    const now = Object.values(model.state?.verdicts ?? {}).reduce((sum, each) => sum + each, 0);
    if (now === decided) return;
    decided = now;
    timer ??= setTimeout(() => void read(), points.length ? Math.max(AGAIN_MS, 20 * took_ms) : 200);
  }

  function draw() {
    const some = points.length > 0;
    find("ratio-empty").hidden = some;
    find("ratio-figures").hidden = !some;
    place.hidden = !some;
    setText(find("ratio-scope"), job.value ? `of job ${job.value}` : "of all jobs together");
    if (!some) return;
    place.replaceChildren(chart(points, place.clientWidth || 480));
    if (find("ratio-figures").open) drawFigures();
  }

  function drawFigures() {
    const table = makeTable("Bars and the last columns: Wilson's 95 % confidence interval.", COLUMNS, false);
    for (const point of points) {
      const row = makeRow(COLUMNS);
      [short(point.utilization), count(point.sets), count(point.schedulable),
        percent(point.schedulable / point.sets), percent(point.low), percent(point.high)]
        .forEach((text, column) => setText(row.cells[column], text));
      table.tBodies[0].append(row);
    }
    find("ratio-figures").querySelector(".scroll").replaceChildren(table);
  }

  find("ratio-figures").addEventListener("toggle", () => points.length && drawFigures());
  new ResizeObserver(() => points.length && draw()).observe(find("ratio"));
  model.watch(["state"], ask);
  model.watch(["snapshot", "scope"], () => void read());
}

function chart(points, width) {
  const right = width - EDGE.right;
  const bottom = HEIGHT - EDGE.bottom;
  const { from, to } = range(points);
  const x = (value) => EDGE.left + ((value - from) / (to - from)) * (right - EDGE.left);
  const y = (share) => bottom - share * (bottom - EDGE.top);
  const total = points.reduce((sum, point) => sum + point.sets, 0);
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
    "aria-label": `Share of schedulable sets over utilization, ${counted(total, "set")} at ` +
      `${counted(points.length, "point")}; the table below has the figures`,
  });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(draw("line", { class: "grid", x1: EDGE.left, x2: right, y1: y(share), y2: y(share) }));
    svg.append(write(`${share * 100} %`, { x: EDGE.left - 6, y: y(share) + 4, "text-anchor": "end" }));
  }
  for (const value of ticks(from, to, width < 420 ? 4 : 8)) {
    svg.append(draw("line", { class: "tick", x1: x(value), x2: x(value), y1: bottom, y2: bottom + 4 }));
    svg.append(write(short(value), { x: x(value), y: bottom + 16, "text-anchor": "middle" }));
  }
  svg.append(write("Utilization", { x: (EDGE.left + right) / 2, y: HEIGHT - 3, "text-anchor": "middle" }));
  const line = points.map((point) => `${x(point.utilization)},${y(point.schedulable / point.sets)}`);
  svg.append(draw("polyline", { class: "curve", points: line.join(" ") }));
  for (const point of points) {
    const at = x(point.utilization);
    const group = draw("g", { class: "point" });
    const title = draw("title");
    title.textContent = `${short(point.utilization)}: ${count(point.schedulable)} of ${counted(point.sets, "set")}`;
    group.append(
      title,
      draw("line", { x1: at, x2: at, y1: y(point.low), y2: y(point.high) }),
      draw("line", { x1: at - 3, x2: at + 3, y1: y(point.low), y2: y(point.low) }),
      draw("line", { x1: at - 3, x2: at + 3, y1: y(point.high), y2: y(point.high) }),
      draw("circle", { cx: at, cy: y(point.schedulable / point.sets), r: 3.5 }),
    );
    svg.append(group);
  }
  return svg;
}

function range(points) {
  const values = points.map((point) => point.utilization);
  const from = Math.min(...values);
  const to = Math.max(...values);
  const room = Math.max((to - from) * 0.05, 0.05);
  return { from: Math.max(0, from - room), to: to + room };
}

/** Round values between two, about so many. */
function ticks(from, to, about) {
  const rough = (to - from) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let place = Math.ceil(from / step); place * step <= to + 1e-9; place++) found.push(place * step);
  return found;
}

function draw(name, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function write(text, attributes) {
  const node = draw("text", attributes);
  node.textContent = text;
  return node;
}
