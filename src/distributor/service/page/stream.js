// The service's events, read with fetch: an EventSource could not send the token.

const SILENCE_MS = 40_000; // more than two heartbeats
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const EVENT_MAX = 1 << 25;

/** Cuts a stream of text into events: feed it pieces, it gives back [name, data]. */
export class EventParser {
  #rest = "";
  #name = "message";
  #data = [];

  feed(piece) {
    const lines = (this.#rest + piece).split(/\r\n|\n/);
    this.#rest = lines.pop();
    if (this.#rest.length > EVENT_MAX) throw new Error("an event without an end");
    const found = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length) found.push([this.#name, this.#data.join("\n")]);
        this.#name = "message";
        this.#data = [];
      } else if (line.startsWith("data:")) {
        this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      } else if (line.startsWith("event:")) {
        this.#name = line.slice(6).trim();
      }
    }
    return found;
  }
}

/** Follows the events, and connects again for as long as it is not stopped. */
export class Stream {
  #api;
  #told;
  #changed;
  #abort = null;
  #retry = null;
  #failures = 0;

  /**
   * @param told called with each event's name and content
   * @param changed called with the state of the connection: connecting, live, waiting, stopped
   */
  constructor(api, told, changed) {
    this.#api = api;
    this.#told = told;
    this.#changed = changed;
  }

  start() {
    this.stop();
    this.#abort = new AbortController();
    void this.#follow(this.#abort);
  }

  stop() {
    clearTimeout(this.#retry);
    this.#abort?.abort();
    this.#abort = null;
    this.#changed("stopped");
  }

  async #follow(abort) {
    this.#changed("connecting");
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    try {
      heard();
      const answer = await this.#api.open("GET", "events", { signal: abort.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        heard();
        for (const [name, data] of parser.feed(value)) {
          if (name === "snapshot") {
            this.#failures = 0;
            this.#changed("live");
          }
          this.#told(name, JSON.parse(data));
        }
      }
    } catch (error) {
      if (error.status === 401) return; // whoever signs in starts anew
      if (!["AbortError", "ApiError", "TypeError"].includes(error.name) && error.status === undefined)
        console.error(error);
    } finally {
      clearTimeout(silence);
    }
    if (this.#abort !== abort) return;
    const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
    this.#changed("waiting", wait / 1000);
    this.#retry = setTimeout(() => this.start(), wait);
  }
}
