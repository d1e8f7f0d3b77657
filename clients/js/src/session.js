// One connection: from its opening to its end, with what is read from it and how its silence is seen.

import { Credit } from './credit.js';
import { LiveError, ProtocolError } from './errors.js';
import { readMessage, sizeOf, writeMessage } from './frames.js';
import { openPoll } from './transports/poll.js';
import { openSse } from './transports/sse.js';
import { openWs } from './transports/ws.js';

/**
 * @typedef {import('./frames.js').ServerFrame} ServerFrame
 * @typedef {import('./frames.js').Welcome} Welcome
 * @typedef {import('./transports/ws.js').End & { reason: string }} Ending
 *
 * @typedef {object} Opening
 * @property {string} url
 * @property {import('./ways.js').Way} way
 * @property {import('./frames.js').Encoding} encoding wanted; sse and poll know JSON only
 * @property {Record<string, unknown>} hello
 * @property {string | undefined} token
 * @property {number} credit
 * @property {number} openMs how long until there must be a welcome
 * @property {import('./time.js').Time} time
 * @property {(frame: ServerFrame, size: number) => void} frame each one after the welcome, but `bye`
 */

/** How many heartbeats of silence make a connection dead. */
const SILENCE = 2.5;

const TRANSPORTS = { ws: openWs, sse: openSse, poll: openPoll };

export class Session {
  /** @param {Opening} opening */
  constructor(opening) {
    const { way, encoding, time, openMs, credit } = opening;
    this.opening = opening;
    this.way = way;
    /** @type {import('./frames.js').Encoding} */
    this.encoding = way === 'ws' ? encoding : 'json';
    /** @type {Welcome | null} */
    this.welcome = null;
    this.over = false;
    this.frames = 0;
    this.bytes = 0;
    /** Whether anything came after the welcome. */
    this.heard = false;
    this.heardAt = time.now();
    this.credit = new Credit(credit, (bytes) => this.send({ t: 'credit', bytes }));
    /** @type {import('./transports/ws.js').Link | null} */
    this.link = null;
    /** @type {(welcome: Welcome | null) => void} */
    this.tellOpened = () => {};
    /** @type {(ending: Ending) => void} */
    this.tellEnded = () => {};
    /** @type {Promise<Welcome | null>} null if it ends before */
    this.opened = new Promise((tell) => (this.tellOpened = tell));
    /** @type {Promise<Ending>} */
    this.ended = new Promise((tell) => (this.tellEnded = tell));
    this.stopWatch = time.after(openMs, () => this.#end({ reason: 'cut', detail: 'no welcome in time' }));
    this.#open();
  }

  async #open() {
    const { url, hello, token, way, time } = this.opening;
    const ear = {
      message: (/** @type {string | Uint8Array} */ message) => this.#message(message),
      alive: () => this.#alive(),
      end: (/** @type {import('./transports/ws.js').End} */ end) => {
        const reason = end.protocol ? 'protocol' : end.unauthorized ? 'unauthorized' : 'cut';
        this.#end({ ...end, reason });
      },
    };
    try {
      const link = await TRANSPORTS[way]({ url, encoding: this.encoding, hello, token, time, ear });
      if (this.over) link.close();
      else this.link = link;
    } catch (error) {
      this.#end({ reason: 'cut', detail: String(error) });
    }
  }

  /** @param {object} frame */
  send(frame) {
    if (!this.over) this.link?.send(frame);
  }

  /**
   * @param {object} frame
   * @throws {LiveError} if the server would refuse it for its length
   */
  check(frame) {
    const most = this.welcome?.max_frame ?? Infinity;
    const size = sizeOf(writeMessage(frame, this.encoding));
    if (size > most) throw new LiveError('limit', `a frame of ${size} bytes; the server takes ${most}`);
  }

  /** Ends it from our side. */
  close() {
    if (!this.over) this.send({ t: 'bye' });
    this.#end({ reason: 'closed', detail: 'closed by the application' });
  }

  /** @param {string | Uint8Array} message */
  #message(message) {
    if (this.over) return;
    const size = sizeOf(message);
    this.frames += 1;
    this.bytes += size;
    try {
      const frame = readMessage(message, this.encoding);
      if (this.welcome) this.#alive();
      if (frame) this.#frame(frame, size);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end({ reason: 'protocol', detail: error.message, protocol: true });
    }
  }

  /**
   * @param {ServerFrame} frame
   * @param {number} size
   */
  #frame(frame, size) {
    if (frame.t === 'bye') {
      const { code, detail, retry_after_ms: retryAfterMs, active } = frame;
      return this.#end({ reason: code, detail, retryAfterMs, active, answered: true });
    }
    if (frame.t === 'welcome') {
      // A stream may begin with the welcome that the POST has answered.
      if (this.welcome) return;
      this.welcome = frame;
      this.heardAt = this.opening.time.now();
      this.stopWatch();
      this.#watch();
      return this.tellOpened(frame);
    }
    if (this.welcome) return this.opening.frame(frame, size);
    if (frame.t === 'refused') {
      return this.#end({ reason: frame.code, detail: frame.detail, answered: true });
    }
    throw new ProtocolError(`${frame.t} before the welcome`);
  }

  #alive() {
    this.heard = this.welcome !== null;
    this.heardAt = this.opening.time.now();
  }

  /** Looks again when the silence would be too long; a timer that comes late, after sleep, sees it too. */
  #watch() {
    const { time } = this.opening;
    const limit = SILENCE * (this.welcome?.heartbeat_ms ?? 0);
    const now = time.now();
    // A clock that was set back must not make silence last.
    if (this.heardAt > now) this.heardAt = now;
    const left = this.heardAt + limit - now;
    if (left <= 0) return this.#end({ reason: 'silence', detail: `nothing was heard for ${limit} ms` });
    this.stopWatch = time.after(left, () => this.#watch());
  }

  /** @param {Ending} ending */
  #end(ending) {
    if (this.over) return;
    this.over = true;
    this.stopWatch();
    this.link?.close();
    this.tellOpened(this.welcome);
    this.tellEnded(ending);
  }
}
