// Numbers and times as people read them, in the manner of the command line.

const NUMBER = new Intl.NumberFormat("en");
const UNITS = [
  ["s", 1e9],
  ["ms", 1e6],
  ["us", 1e3],
];

/** What stands before a verdict, so that its colour is not all that tells it. */
export const SIGNS = { schedulable: "\u2713", missed: "\u2717", failed: "!", undecided: "?" };
export const VERDICTS = Object.keys(SIGNS);

const absent = (value) => value === null || value === undefined;

export const count = (value) => (absent(value) ? "-" : NUMBER.format(value));

export const counted = (value, one, many = `${one}s`) =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Nanoseconds in the unit that suits them, to four digits: `27.12 us`. */
export function duration(time_ns) {
  if (absent(time_ns)) return "-";
  for (const [unit, size] of UNITS) {
    // What would round to 1000 us is 1.000 ms.
    if (Math.abs(time_ns) >= size - size / 20_000) return `${fourDigits(time_ns / size)} ${unit}`;
  }
  return `${Math.round(time_ns)} ns`;
}

function fourDigits(value) {
  for (const decimals of [3, 2, 1]) {
    const text = value.toFixed(decimals);
    if (text.replace("-", "").length <= 5) return text;
  }
  return value.toFixed(0);
}

/** Seconds as a span that is lived through: `1 h 05 min`, `3 min 07 s`, `12 s`, `0.3 s`. */
export function span(seconds) {
  if (absent(seconds)) return "-";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/** The same in one unit, where there is little room: `1.1 h`, `3 min`. */
export function brief(seconds) {
  const [size, unit] = seconds < 60 ? [1, "s"] : seconds < 3600 ? [60, "min"] : seconds < 86_400 ? [3600, "h"] : [86_400, "d"];
  const value = seconds / size;
  return `${value < 10 && size > 60 ? value.toFixed(1) : Math.floor(value)} ${unit}`;
}

export const percent = (share) => (absent(share) ? "-" : `${(share * 100).toFixed(1)} %`);

export const short = (value) => (absent(value) ? "-" : String(Number(value.toFixed(3))));

export const memory = (mib) =>
  absent(mib) ? "-" : mib < 1024 ? `${Math.round(mib)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;

/** A moment, which the service tells as text (ISO 8601) or as seconds since 1970. */
export function moment(told) {
  if (absent(told)) return null;
  const date = new Date(typeof told === "number" ? told * 1000 : told);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Its time of day; the day as well, if that is another than today. */
export function clockTime(told) {
  const date = moment(told);
  if (date === null) return "-";
  const time = date.toLocaleTimeString("en-GB");
  const today = new Date().toDateString() === date.toDateString();
  return today ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

/** The counts of verdicts in words, those that occur. */
export function verdictWords(verdicts) {
  return VERDICTS.filter((name) => verdicts?.[name])
    .map((name) => `${count(verdicts[name])} ${name}`)
    .join(", ");
}

/** `job.index` and the name, as every list of the page calls a set. */
export const setTitle = (set) => `${set.job}.${set.index}`;
