// What was asked and is not yet answered: calls, pings, counts.

import { LiveError } from './errors.js';

/**
 * @typedef {object} Result
 * @property {number} status HTTP's
 * @property {any} body JSON, or null
 *
 * @typedef {object} Pending
 * @property {Record<string, unknown>} frame
 * @property {(answer: any) => void} resolve
 * @property {(error: LiveError) => void} reject
 * @property {() => void} stop ends its timer
 * @property {number} until the deadline, ms since 1970
 * @property {boolean} repeats whether it may be sent again when the connection went
 * @property {boolean} patient whether it is sent again when the server could not do it now
 * @property {boolean} sent on the connection there is
 */

/** How many may wait for an answer. */
export const PENDING = 1_000;
/** How long until what a server could not do now is asked for again, in milliseconds. */
const AGAIN_MS = 500;

export class Calls {
  /** @param {import('./time.js').Time} time */
  constructor(time) {
    this.time = time;
    /** @type {Map<number, Pending>} in the order in which they were asked */
    this.pending = new Map();
    this.lastId = 0;
    /** @type {import('./session.js').Session | null} */
    this.session = null;
  }

  /** Whether something is on its way that could not be asked again. */
  get isDelicate() {
    return [...this.pending.values()].some((it) => it.sent && !it.repeats);
  }

  /**
   * @param {Record<string, unknown>} frame without its `id`
   * @param {{ timeoutMs: number, repeats?: boolean, patient?: boolean }} how
   * @returns {Promise<any>} the frame that answers it
   * @throws {LiveError}
   */
  ask(frame, { timeoutMs, repeats = false, patient = false }) {
    if (this.pending.size >= PENDING) {
      return Promise.reject(new LiveError('limit', `${PENDING} calls are not yet answered`));
    }
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      const stop = this.time.after(timeoutMs, () => this.#fail(id, new LiveError('timeout', 'no answer in time')));
      const until = this.time.now() + timeoutMs;
      // As it is now: a repetition must be the same, whatever becomes of the application's objects.
      const pending = { frame: JSON.parse(JSON.stringify({ ...frame, id })), resolve, reject, stop, until, repeats, patient, sent: false };
      this.pending.set(id, pending);
      this.#send(id, pending);
    });
  }

  /**
   * There is a connection: what is not answered is asked.
   *
   * @param {import('./session.js').Session} session
   */
  begin(session) {
    this.session = session;
    for (const [id, pending] of [...this.pending]) this.#send(id, pending);
  }

  /** There is none: of what was asked and may not be repeated nobody knows what became. */
  lost() {
    this.session = null;
    for (const [id, pending] of [...this.pending]) {
      if (pending.sent && !pending.repeats) {
        this.#fail(id, new LiveError('lost', 'the connection ended before the answer: it may have been done, or not'));
      }
      pending.sent = false;
    }
  }

  close() {
    for (const id of [...this.pending.keys()]) this.#fail(id, new LiveError('closed', 'the client was closed'));
  }

  /** @param {{ id: number, status?: number }} answer */
  answered(answer) {
    const pending = this.pending.get(answer.id);
    // It may have come too late.
    if (!pending) return;
    if (answer.status === 503 && pending.patient && this.time.now() + AGAIN_MS < pending.until) {
      pending.sent = false;
      this.time.after(AGAIN_MS, () => {
        if (this.pending.has(answer.id)) this.#send(answer.id, pending);
      });
      return;
    }
    this.pending.delete(answer.id);
    pending.stop();
    pending.resolve(answer);
  }

  /** @param {{ id: number, code: string, detail: string }} refused */
  refused({ id, code, detail }) {
    this.#fail(id, new LiveError('refused', detail || code, code));
  }

  /**
   * @param {number} id
   * @param {Pending} pending
   */
  #send(id, pending) {
    if (!this.session || pending.sent) return;
    try {
      this.session.check(pending.frame);
    } catch (error) {
      return this.#fail(id, /** @type {LiveError} */ (error));
    }
    pending.sent = true;
    this.session.send(pending.frame);
  }

  /**
   * @param {number} id
   * @param {LiveError} error
   */
  #fail(id, error) {
    const pending = this.pending.get(id);
    if (!pending) return;
    this.pending.delete(id);
    pending.stop();
    pending.reject(error);
  }
}
