// The service's HTTP interface, and the token that it asks for.

const KEY = "distributor-token";

/** The service said no, or nothing at all. `hint`: what to do. */
export class ApiError extends Error {
  constructor(status, message, hint = "") {
    super(hint ? `${message}: ${hint}` : message);
    this.status = status;
  }
}

export class Api {
  #token = sessionStorage.getItem(KEY) || "";
  /** Called when the token is missing or wrong. */
  denied = () => {};

  /** Take the token out of the address, where it would be seen, copied and kept. */
  takeToken() {
    const found = /^#token=(.+)$/.exec(location.hash);
    if (!found) return false;
    history.replaceState(null, "", location.pathname + location.search);
    try {
      this.token = decodeURIComponent(found[1]);
    } catch {
      return false; // no token of ours: those need no percent signs
    }
    return true;
  }

  get token() {
    return this.#token;
  }

  set token(value) {
    this.#token = value.trim();
    if (this.#token) sessionStorage.setItem(KEY, this.#token);
    else sessionStorage.removeItem(KEY);
  }

  /** An answer that is good. @throws ApiError */
  async open(method, path, { body, type, signal } = {}) {
    const headers = {};
    if (/^[\x21-\x7e]+$/.test(this.#token)) headers.Authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
    let answer;
    try {
      answer = await fetch(`/api/v1/${path}`, {
        method,
        headers,
        body: body !== undefined && type === undefined ? JSON.stringify(body) : body,
        signal,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, "the service does not answer");
    }
    if (answer.ok) return answer;
    let told = {};
    try {
      told = await answer.json();
    } catch {
      // an error that is none of the service's own
    }
    if (answer.status === 401) this.denied();
    throw new ApiError(answer.status, told.error || `the service answered ${answer.status}`, told.hint);
  }

  async json(method, path, options) {
    return (await this.open(method, path, options)).json();
  }
}

/** A query of what is set: `?job=3&limit=100`. */
export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return set.length ? `?${new URLSearchParams(set)}` : "";
}
