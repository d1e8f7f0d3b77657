// A client: it keeps a connection to one of several endpoints, and all subscriptions and calls over it.

import { Calls } from './calls.js';
import { Connector } from './connector.js';
import { LiveError } from './errors.js';
import { bodyOf } from './publish.js';
import { Subscription } from './subscription.js';
import { REAL } from './time.js';

/**
 * @typedef {import('./session.js').Session} Session
 * @typedef {'connecting' | 'open' | 'lost' | 'closed'} State
 * @typedef {{ state: State, reason: string | null, detail: string }} StateEvent
 *
 * @typedef {object} Options
 * @property {string | string[]} endpoints `http://host:port` or `https://…`, in order
 * @property {string | (() => string | Promise<string>)} [token] a function is asked for each connection
 * @property {'json' | 'cbor'} [encoding] of WebSockets; JSON by default
 * @property {import('./ways.js').Way[]} [transports] in order; ws, sse, poll by default
 * @property {string} [client] a name for operators, at most 64 bytes
 * @property {number} [credit] bytes that may be on their way or wait in iterators; 1 MiB; 0: no limit
 * @property {number} [bytes_per_s] of the session
 * @property {{ base_ms?: number, cap_ms?: number }} [backoff] bounds of pauses: 500 and 30,000 ms
 * @property {number} [timeout_ms] for a welcome, and for a call: 10,000
 * @property {number} [retry_ws_after_ms] where another way is in use: ten minutes
 * @property {import('./time.js').Time} [time] for tests
 */

export class Client {
  /** @type {Set<(event: StateEvent) => void>} */
  #onState = new Set();
  /** @type {Set<(error: unknown) => void>} */
  #onError = new Set();
  /** @type {Map<number, Subscription>} by the number of the server's */
  #bySub = new Map();
  /** @type {Set<Subscription>} */
  #subscriptions = new Set();
  /** @type {Session | null} */
  #session = null;
  #lastSub = 0;
  #engine = '';
  /** The node's clock minus ours, ms. */
  #offset = 0;
  /** @type {Record<string, number>} limits of the session */
  #limits = {};
  #reconnects = 0;
  /** @type {Connector} */
  #connector;

  /** @param {Options} options */
  constructor(options) {
    const { time = REAL, bytes_per_s } = options;
    this.options = options;
    this.time = time;
    this.calls = new Calls(time);
    /** @type {State} */
    this.state = 'connecting';
    if (bytes_per_s !== undefined) this.#limits.bytes_per_s = bytes_per_s;
    this.#connector = new Connector(options, time, {
      hello: () => this.#hello(),
      adopt: (session) => this.#adopt(session),
      lost: (ending) => this.#lost(ending),
      canMove: () => !this.calls.isDelicate,
      frame: (session, frame, size) => this.#frame(session, frame, size),
      failed: (error) => this.#failed(error),
    });
  }

  /** Why the last attempt or connection ended. */
  get lastFailure() {
    return this.#connector.lastFailure;
  }

  /** The way in use. @returns {import('./ways.js').Way | null} */
  get way() {
    return this.#session?.way ?? null;
  }

  /** The endpoint in use. @returns {string | null} */
  get url() {
    return this.#session?.opening.url ?? null;
  }

  /** What the server said of itself. @returns {import('./frames.js').Welcome | null} */
  get welcome() {
    return this.#session?.welcome ?? null;
  }

  /** The node's clock, as far as it is known: ms since 1970. */
  serverNow() {
    return this.time.now() + this.#offset;
  }

  /**
   * @overload
   * @param {'state'} what
   * @param {(event: StateEvent) => void} then
   * @returns {() => void} ends it
   */
  /**
   * @overload
   * @param {'error'} what
   * @param {(error: unknown) => void} then
   * @returns {() => void} ends it
   */
  /**
   * @param {'state' | 'error'} what
   * @param {(event: any) => void} then
   */
  on(what, then) {
    const listeners = /** @type {Set<(event: any) => void>} */ (what === 'state' ? this.#onState : this.#onError);
    listeners.add(then);
    return () => listeners.delete(then);
  }

  /**
   * @param {string} filter
   * @param {Record<string, unknown> | ((event: import('./subscription.js').LiveEvent) => unknown)} [options]
   * @param {(event: import('./subscription.js').LiveEvent) => unknown} [listener]
   * @returns {Subscription}
   */
  subscribe(filter, options = {}, listener) {
    if (typeof options === 'function') return this.subscribe(filter, {}, options);
    if (this.state === 'closed') throw new LiveError('closed', 'the client was closed');
    const port = {
      send: (/** @type {object} */ frame) => this.#session?.send(frame),
      number: () => {
        this.#lastSub = (this.#lastSub % 0xffff_ffff) + 1;
        this.#bySub.set(this.#lastSub, subscription);
        return this.#lastSub;
      },
      forget: (/** @type {number} */ sub) => void this.#bySub.delete(sub),
      leave: () => void this.#subscriptions.delete(subscription),
      failed: (/** @type {unknown} */ error) => this.#failed(error),
      serverNow: () => this.serverNow(),
      now: () => this.time.now(),
    };
    const subscription = new Subscription(port, filter, options, listener);
    this.#subscriptions.add(subscription);
    if (this.#session) subscription.begin();
    return subscription;
  }

  /**
   * @param {string} method
   * @param {string} path below `/v1/`, with its query
   * @param {unknown} [body] JSON
   * @param {{ key?: string, timeout_ms?: number, repeats?: boolean, patient?: boolean }} [how]
   * @returns {Promise<import('./calls.js').Result>}
   */
  async call(method, path, body, { key, timeout_ms, repeats, patient } = {}) {
    if (this.state === 'closed') throw new LiveError('closed', 'the client was closed');
    const timeoutMs = timeout_ms ?? this.options.timeout_ms ?? 10_000;
    const harmless = key !== undefined || ['GET', 'PUT', 'DELETE'].includes(method);
    const frame = { t: 'call', method, path, body, key };
    const answer = await this.calls.ask(frame, { timeoutMs, repeats: repeats ?? harmless, patient });
    return { status: answer.status, body: answer.body };
  }

  /**
   * Publishes one record. Sent again after a lost connection, it is the same fact.
   *
   * @param {string} topic
   * @param {unknown} value JSON; a `Uint8Array` is published as bytes
   * @param {import('./publish.js').PublishOptions} [options]
   */
  publish(topic, value, options = {}) {
    const body = [bodyOf(topic, value, options)];
    const { timeout_ms } = options;
    return this.call('POST', '/v1/records', body, { timeout_ms, repeats: true, patient: true });
  }

  /**
   * Queues a command for a device. When the connection ends before the answer nobody knows whether it
   * is queued: `lost`. It is not sent again.
   *
   * @param {string} device its serial
   * @param {string | number} command its name or code
   * @param {Record<string, unknown> | string} [args] named, or hexadecimal digits
   * @param {{ expires_in?: string, timeout_ms?: number }} [options]
   */
  command(device, command, args, { expires_in, timeout_ms } = {}) {
    const named = typeof command === 'number' ? { code: command } : { name: command };
    const body = { ...named, arguments: args, expires_in };
    return this.call('POST', `/v1/devices/${encodeURIComponent(device)}/commands`, body, { timeout_ms });
  }

  /**
   * Acknowledges a case. To do it twice changes nothing, so it is sent again after a lost connection.
   *
   * @param {string} caseId
   * @param {{ why?: string, timeout_ms?: number }} [options]
   */
  acknowledge(caseId, { why, timeout_ms } = {}) {
    const path = `/v1/cases/${encodeURIComponent(caseId)}/steps`;
    return this.call('POST', path, { do: 'acknowledge', why }, { timeout_ms, repeats: true });
  }

  /** @returns {Promise<number>} the round trip to the server's program, in milliseconds */
  async ping() {
    const from = this.time.now();
    await this.calls.ask({ t: 'ping' }, { timeoutMs: this.options.timeout_ms ?? 10_000 });
    return this.time.now() - from;
  }

  /** @returns {Promise<Record<string, unknown>>} what the server counts of this session, and what we do */
  async stats() {
    const answer = await this.calls.ask({ t: 'stats' }, { timeoutMs: this.options.timeout_ms ?? 10_000 });
    const { t, id, ...server } = answer;
    const session = this.#session;
    const own = { frames: session?.frames ?? 0, bytes: session?.bytes ?? 0, reconnects: this.#reconnects };
    return { ...server, client: { ...own, way: this.way, url: this.url } };
  }

  /**
   * New limits of the session, now and for connections to come.
   *
   * @param {{ min_interval_ms?: number, bytes_per_s?: number }} limits
   */
  change(limits) {
    Object.assign(this.#limits, limits);
    this.#session?.send({ t: 'change', ...limits });
  }

  /** Ends everything, for good. */
  close() {
    if (this.state === 'closed') return;
    this.#tell('closed', null, '');
    for (const subscription of [...this.#subscriptions]) subscription.finish();
    this.calls.close();
    this.#connector.close();
    this.#session = null;
  }

  // What the connector tells.

  #hello() {
    const { client, credit = 1024 * 1024 } = this.options;
    const { bytes_per_s } = this.#limits;
    return { t: 'hello', client, credit: credit > 0 ? credit : undefined, bytes_per_s };
  }

  /** @param {Session} session one that is open */
  #adopt(session) {
    const { welcome } = session;
    if (!welcome) return;
    if (this.#session) this.#release();
    this.#session = session;
    this.#offset = welcome.time / 1_000 - this.time.now();
    if (welcome.engine !== this.#engine) {
      this.#engine = welcome.engine;
      for (const subscription of this.#subscriptions) subscription.engineChanged();
    }
    const { min_interval_ms } = this.#limits;
    if (min_interval_ms) session.send({ t: 'change', min_interval_ms });
    for (const subscription of [...this.#subscriptions]) subscription.begin();
    this.calls.begin(session);
    if (this.state !== 'open') this.#tell('open', null, '');
  }

  /** @param {import('./session.js').Ending} ending */
  #lost({ reason, detail }) {
    this.#reconnects += 1;
    this.#release();
    this.#tell('lost', reason, detail);
  }

  /** There is no connection: nothing is named by its numbers any more. */
  #release() {
    this.#session = null;
    for (const subscription of this.#subscriptions) subscription.lost();
    this.calls.lost();
  }

  // What comes over it.

  /**
   * @param {Session} session
   * @param {import('./frames.js').ServerFrame} frame
   * @param {number} size
   */
  #frame(session, frame, size) {
    if (session !== this.#session) return;
    switch (frame.t) {
      case 'beat':
        this.#keepTime(frame.time);
        break;
      case 'pong':
        this.#keepTime(frame.time);
        this.calls.answered(frame);
        break;
      case 'stats':
      case 'result':
        this.calls.answered(frame);
        break;
      case 'refused':
        this.#refused(frame);
        break;
      case 'data': {
        const parcel = session.credit.parcel(size);
        this.#bySub.get(frame.sub)?.frame(frame, parcel);
        parcel.release();
        break;
      }
      case 'welcome':
      case 'bye':
        break;
      default:
        this.#bySub.get(frame.sub)?.frame(frame, null);
    }
  }

  /** @param {import('./frames.js').Refused} frame */
  #refused({ id, sub, code, detail }) {
    if (id !== undefined) this.calls.refused({ id, code, detail });
    else if (sub !== undefined) this.#bySub.get(sub)?.refused({ code, detail });
    else this.#failed(new LiveError('refused', detail || code, code));
  }

  /** The fastest message tells the other clock best. @param {number} time µs since 1970 */
  #keepTime(time) {
    const offset = time / 1_000 - this.time.now();
    if (offset > this.#offset || offset < this.#offset - 2_000) this.#offset = offset;
  }

  // What is told.

  /**
   * @param {State} state
   * @param {string | null} reason
   * @param {string} detail
   */
  #tell(state, reason, detail) {
    this.state = state;
    for (const then of [...this.#onState]) {
      try {
        then({ state, reason, detail });
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** The application's own error, or one that belongs to nothing: never ours to die of. @param {unknown} error */
  #failed(error) {
    if (this.#onError.size === 0) console.error('spica-live:', error);
    for (const then of [...this.#onError]) {
      try {
        then(error);
      } catch (worse) {
        console.error('spica-live:', worse);
      }
    }
  }
}
