// How a connection is made and kept: which endpoint, which way, when, and what follows from its end.

import { Backoff } from './backoff.js';
import { Endpoints } from './endpoints.js';
import { Session } from './session.js';
import { Ways } from './ways.js';

/**
 * @typedef {import('./session.js').Ending} Ending
 *
 * @typedef {object} Owner what a connector needs of its client
 * @property {() => Record<string, unknown>} hello
 * @property {(session: Session) => void} adopt it is open: use it. One before it is replaced
 * @property {(ending: Ending) => void} lost the one in use has ended
 * @property {() => boolean} canMove whether the one in use may be replaced now
 * @property {(session: Session, frame: import('./frames.js').ServerFrame, size: number) => void} frame
 * @property {(error: unknown) => void} failed
 */

/** A connection that lived so long counts as one that worked. */
const STABLE_MS = 5_000;
/** How long until a move to a WebSocket that was not possible just now is tried again. */
const MOVE_MS = 10_000;

export class Connector {
  /** One that is being opened, and the one in use. @type {Session | null} */
  #attempt = null;
  /** @type {Session | null} */
  #session = null;
  #closed = false;
  /** Ends the pause, if there is one. */
  #wake = () => {};
  #stopListening = () => {};

  /**
   * @param {import('./client.js').Options} options
   * @param {import('./time.js').Time} time
   * @param {Owner} owner
   */
  constructor(options, time, owner) {
    const { endpoints, transports = ['ws', 'sse', 'poll'], retry_ws_after_ms = 600_000 } = options;
    this.options = options;
    this.time = time;
    this.owner = owner;
    const urls = typeof endpoints === 'string' ? [endpoints] : endpoints;
    this.endpoints = new Endpoints(urls, time, new Backoff(options.backoff));
    this.ways = new Ways(transports, time, retry_ws_after_ms);
    /** Why the last attempt or connection ended. @type {{ url: string, reason: string, detail: string, at: number } | null} */
    this.lastFailure = null;
    this.#listen();
    void this.#run();
  }

  close() {
    this.#closed = true;
    this.#stopListening();
    this.#attempt?.close();
    this.#session?.close();
    this.#wake();
  }

  async #run() {
    while (!this.#closed) {
      const next = this.endpoints.next();
      if ('wait' in next) await this.#pause(next.wait);
      else await this.#use(next.endpoint);
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((/** @type {(_: void) => void} */ done) => {
      const stop = this.time.after(ms, done);
      this.#wake = () => {
        stop();
        done();
      };
    });
  }

  /**
   * Tries the ways to an endpoint until one works, and lives there until it ends.
   *
   * @param {import('./endpoints.js').Endpoint} endpoint
   */
  async #use(endpoint) {
    for (const way of this.ways.order()) {
      const session = await this.#open(endpoint, way);
      if (!session || this.#closed) return;
      if (session.welcome) {
        this.ways.worked(way);
        return this.#live(endpoint, session);
      }
      const ending = await session.ended;
      this.#note(endpoint, ending);
      if (ending.answered || ending.unreachable) return this.#judge(endpoint, ending, false);
      this.ways.failed(way);
    }
    this.endpoints.failed(endpoint);
  }

  /**
   * @param {import('./endpoints.js').Endpoint} endpoint
   * @param {import('./ways.js').Way} way
   * @returns {Promise<Session | null>} one that is open, or is over; null without a token
   */
  async #open(endpoint, way) {
    const { encoding = 'json', credit = 1024 * 1024, timeout_ms = 10_000 } = this.options;
    const token = await this.#token(endpoint);
    if (token === null || this.#closed) return null;
    /** @type {Session} */
    const session = new Session({
      url: endpoint.url,
      way,
      encoding,
      hello: this.owner.hello(),
      token,
      credit,
      openMs: timeout_ms,
      time: this.time,
      frame: (frame, size) => this.owner.frame(session, frame, size),
    });
    this.#attempt = session;
    await session.opened;
    this.#attempt = null;
    return session;
  }

  /**
   * @param {import('./endpoints.js').Endpoint} endpoint
   * @returns {Promise<string | undefined | null>} null if the application has none to give
   */
  async #token(endpoint) {
    const { token } = this.options;
    if (typeof token !== 'function') return token;
    try {
      return await token();
    } catch (error) {
      this.owner.failed(error);
      const ending = { reason: 'unauthorized', detail: 'the application gave no token' };
      this.#note(endpoint, ending);
      this.endpoints.failed(endpoint);
      return null;
    }
  }

  /**
   * @param {import('./endpoints.js').Endpoint} endpoint
   * @param {Session} session
   */
  async #live(endpoint, session) {
    const since = this.time.now();
    this.#session = session;
    this.owner.adopt(session);
    let ending = null;
    while (!(ending = await this.#endOrMove(session))) {
      session = (await this.#move(endpoint)) ?? session;
      this.#session = session;
    }
    this.#session = null;
    if (this.#closed) return;
    this.#note(endpoint, ending);
    this.owner.lost(ending);
    if (ending.reason === 'silence' && !session.heard) this.ways.mute(session.way);
    this.#judge(endpoint, ending, this.time.now() - since >= STABLE_MS);
  }

  /**
   * @param {Session} session
   * @returns {Promise<Ending | null>} null when it is time to try WebSocket again
   */
  async #endOrMove(session) {
    const due = this.ways.wsIsDue();
    if (due === Infinity) return session.ended;
    let stop = () => {};
    /** @type {Promise<null>} */
    const move = new Promise((tell) => {
      stop = this.time.after(this.owner.canMove() ? due : Math.max(due, MOVE_MS), () => tell(null));
    });
    const ending = await Promise.race([session.ended, move]);
    stop();
    return ending;
  }

  /**
   * Moves to a WebSocket, if one opens; what is in use goes on until then.
   *
   * @param {import('./endpoints.js').Endpoint} endpoint
   * @returns {Promise<Session | null>}
   */
  async #move(endpoint) {
    if (!this.owner.canMove()) return null;
    const session = await this.#open(endpoint, 'ws');
    const old = this.#session;
    if (!session?.welcome || this.#closed || !old || old.over) {
      session?.close();
      this.ways.failed('ws');
      return null;
    }
    this.ways.worked('ws');
    this.owner.adopt(session);
    old.close();
    return session;
  }

  /**
   * What an ending says about the endpoint, and where to go.
   *
   * @param {import('./endpoints.js').Endpoint} endpoint
   * @param {Ending} ending
   * @param {boolean} worked whether it had worked long enough
   */
  #judge(endpoint, { reason, retryAfterMs = 0, active }, worked) {
    if (worked) this.endpoints.worked(endpoint);
    if (worked && reason === 'cut') return this.endpoints.rest(endpoint);
    // A token that is wrong is so for some time, and servers ban who tries it too often.
    const least = reason === 'unauthorized' ? this.endpoints.backoff.cap / 2 : retryAfterMs;
    this.endpoints.failed(endpoint, least);
    if (active) this.endpoints.sendTo(active, endpoint);
  }

  /**
   * @param {import('./endpoints.js').Endpoint} endpoint
   * @param {Ending} ending
   */
  #note({ url }, { reason, detail }) {
    this.lastFailure = { url, reason, detail, at: this.time.now() };
  }

  /** In a browser: when the network is back, pauses end. */
  #listen() {
    if (typeof globalThis.addEventListener !== 'function') return;
    const online = () => {
      this.endpoints.wake();
      this.#wake();
    };
    globalThis.addEventListener('online', online);
    this.#stopListening = () => globalThis.removeEventListener('online', online);
  }
}
