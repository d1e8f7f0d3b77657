// What server-sent events and long-poll have in common: a session that is opened by a POST, and
// frames that are POSTed to it.

import { sizeOf, splitFrames } from '../frames.js';

/** How much one POST carries, in bytes and frames; a server refuses much more. */
const BATCH_BYTES = 48 * 1024;
const BATCH_FRAMES = 64;
/** How many frames may wait to be sent. */
const WAITING_FRAMES = 10_000;
/** How long until a session that is busy is told again, in milliseconds. */
const BUSY_MS = 250;

/** @typedef {import('./ws.js').End} End */

/** Why a request did not do what it was to do. */
export class Failed extends Error {
  /** @param {End} end */
  constructor(end) {
    super(end.detail);
    this.end = end;
  }
}

/** A session of HTTP requests. */
export class HttpSession {
  /** @param {import('./ws.js').Opening} opening */
  constructor(opening) {
    this.opening = opening;
    this.path = `${opening.url}/v1/live/sessions`;
    this.abort = new AbortController();
    this.over = false;
    /** @type {object[]} */
    this.outbox = [];
    this.posting = false;
    this.opened = false;
  }

  /**
   * Opens the session.
   *
   * @returns {Promise<string[]>} the first frames
   */
  async open() {
    const body = JSON.stringify(this.opening.hello);
    const answer = await this.request('', { method: 'POST', body });
    const text = await textOf(answer);
    const { session } = parse(text);
    if (typeof session !== 'string') throw new Failed({ detail: 'no session in the answer', protocol: true });
    this.path += `/${encodeURIComponent(session)}`;
    this.opened = true;
    void this.#post();
    return splitFrames(text);
  }

  /**
   * @param {string} path below the session
   * @param {RequestInit} init
   * @returns {Promise<Response>} one of success
   * @throws {Failed}
   */
  async request(path, init) {
    const { token } = this.opening;
    /** @type {Record<string, string>} */
    const headers = { .../** @type {Record<string, string>} */ (init.headers) };
    if (init.body) headers['content-type'] = 'application/json';
    if (token) headers.authorization = `Bearer ${token}`;
    let answer;
    try {
      const { signal } = this.abort;
      // A redirect is an answer: the token goes nowhere by itself.
      answer = await fetch(this.path + path, { signal, redirect: 'manual', cache: 'no-store', ...init, headers });
    } catch (error) {
      throw new Failed({ detail: `no answer: ${String(error)}`, unreachable: true });
    }
    if (answer.ok) return answer;
    await answer.body?.cancel().catch(() => {});
    throw new Failed(refusalOf(answer));
  }

  /** @param {object} frame */
  send(frame) {
    if (this.over) return;
    if (this.outbox.length >= WAITING_FRAMES) return this.end({ detail: 'the network takes nothing any more' });
    this.outbox.push(frame);
    // After what else is said in this turn.
    if (this.opened && !this.posting) queueMicrotask(() => void this.#post());
  }

  async #post() {
    if (this.posting) return;
    this.posting = true;
    while (this.outbox.length > 0 && !this.over) await this.#postBatch(`[${this.#batch().join(',')}]`);
    this.posting = false;
  }

  /** @param {string} body */
  async #postBatch(body) {
    while (!this.over) {
      try {
        const answer = await this.request('', { method: 'POST', body });
        await answer.body?.cancel();
        return;
      } catch (error) {
        const end = endOf(error);
        if (end.status !== 503) return this.end(end);
        // The session has not yet heard what was posted before. If it never does, it is silent too.
        await new Promise((done) => this.opening.time.after(BUSY_MS, () => done(null)));
      }
    }
  }

  /** @returns {string[]} */
  #batch() {
    const batch = [];
    let bytes = 0;
    while (batch.length < BATCH_FRAMES) {
      const frame = this.outbox[0];
      if (!frame) break;
      const text = JSON.stringify(frame);
      bytes += sizeOf(text);
      if (batch.length > 0 && bytes > BATCH_BYTES) break;
      batch.push(text);
      this.outbox.shift();
    }
    return batch;
  }

  /** @param {End} end */
  end(end) {
    if (this.over) return;
    this.over = true;
    this.abort.abort();
    this.opening.ear.end(end);
  }

  /** Ends it, also at the server, and tells nothing. */
  close() {
    const wasOver = this.over;
    this.over = true;
    this.abort.abort();
    if (wasOver || !this.opened) return;
    // Nobody waits for the answer; without it the session ends when nobody reads it.
    const { token } = this.opening;
    const headers = token ? { authorization: `Bearer ${token}` } : undefined;
    fetch(this.path, { method: 'DELETE', keepalive: true, headers }).then(
      (answer) => answer.body?.cancel(),
      () => {},
    );
  }
}

/**
 * Runs what reads a session, and tells how it ended.
 *
 * @param {HttpSession} session
 * @param {() => Promise<void>} read
 * @returns {import('./ws.js').Link}
 */
export function linkOf(session, read) {
  read().then(
    () => session.end({ detail: 'the server ended the stream' }),
    (error) => session.end(endOf(error)),
  );
  return { send: (frame) => session.send(frame), close: () => session.close() };
}

/**
 * @param {Response} answer
 * @returns {Promise<string>}
 */
export async function textOf(answer) {
  try {
    return await answer.text();
  } catch (error) {
    throw new Failed({ detail: `the answer broke off: ${String(error)}` });
  }
}

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
export function parse(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value === 'object' && value !== null && Array.isArray(value.frames)) return value;
  } catch {
    // Said below.
  }
  throw new Failed({ detail: 'an answer that is no JSON with frames', protocol: true });
}

/**
 * @param {unknown} error
 * @returns {End}
 */
function endOf(error) {
  return error instanceof Failed ? error.end : { detail: String(error), protocol: true };
}

/**
 * @param {Response} answer
 * @returns {End}
 */
function refusalOf(answer) {
  const { status } = answer;
  const detail = status === 0 ? 'the server sends elsewhere' : `the server answered ${status}`;
  if (status === 401 || status === 403) return { detail, status, answered: true, unauthorized: true };
  const location = answer.headers.get('location');
  const active = location && URL.canParse(location) ? new URL(location).origin : undefined;
  const seconds = Number(answer.headers.get('retry-after') ?? 0);
  const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined;
  const answered = status === 429 || status >= 500 || active !== undefined || status === 0;
  return { detail, status, answered, active, retryAfterMs };
}
