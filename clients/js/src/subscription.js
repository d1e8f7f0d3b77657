// One subscription, over all the connections that it lives through.

import { place } from './check.js';
import { LiveError, MismatchError, ProtocolError } from './errors.js';
import { Feed } from './feed.js';
import { View } from './view.js';

/**
 * @typedef {import('./frames.js').Place} Place
 * @typedef {import('./view.js').Update} Update
 *
 * @typedef {Update
 *   | import('./view.js').Deletion
 *   | { type: 'ready' }
 *   | { type: 'gap', lane: 'critical' | 'normal', from: number, to: number, reason: string }
 *   | { type: 'reset' }
 *   | { type: 'refused', code: string, detail: string }
 *   | { type: 'ended', code: string, detail: string }} LiveEvent what the application is told, in order
 *
 * @typedef {object} Port what a subscription needs of its client
 * @property {(frame: object) => void} send
 * @property {() => number} number a new one, for a new subscription of the server
 * @property {(sub: number) => void} forget what comes for this number is for nobody
 * @property {() => void} leave it needs no connection any more
 * @property {(error: unknown) => void} failed the application's function threw this
 * @property {() => number} serverNow ms since 1970, by the node's clock
 * @property {() => number} now
 */

/** After so many resyncs within `RESYNC_MS` no deltas are asked for; after twice as many it is an error. */
const RESYNCS = 3;
const RESYNC_MS = 60_000;

export class Subscription {
  #view = new View();
  /** @type {Set<Feed>} */
  #feeds = new Set();
  /** Where to resume. @type {Place | null} */
  #place = null;
  /** The last place before which nothing is unsaid. @type {Place | null} */
  #known = null;
  /** Whether the next `at` is a place to resume from. */
  #sure = false;
  /** Whether `after` was given in the last `subscribe`. */
  #after = false;
  /** Whether it ever began. */
  #begun = false;
  /** Whether it has begun on this connection. */
  #runs = false;
  /** @type {number[]} when it began anew by itself, ms */
  #resyncs = [];
  /** @type {{ resolve: () => void, reject: (error: Error) => void }[]} */
  #waiting = [];

  /**
   * @param {Port} port
   * @param {string} filter
   * @param {Record<string, unknown>} options as in the frame
   * @param {((event: LiveEvent) => unknown) | undefined} listener
   */
  constructor(port, filter, options, listener) {
    // As it will be sent, again and again: what is no JSON fails now, and what changes later is no matter.
    const { after, ...rest } = JSON.parse(JSON.stringify(options));
    this.port = port;
    this.filter = filter;
    /** @type {Record<string, unknown>} */
    this.options = rest;
    this.listener = listener;
    this.#place = after ? place(after, 'after') : null;
    this.#known = this.#place;
    /** By which the server names it; 0 while there is no connection. */
    this.sub = 0;
    /** Whether the values are those of the server, or nearly so. */
    this.isReady = false;
    this.isOver = false;
    /** @type {string | null} what the server promises */
    this.recovery = null;
    /** @type {string | null} */
    this.deliver = null;
  }

  /** What is held: topic → value. Do not change it: deltas build on it. @returns {ReadonlyMap<string, Update>} */
  get values() {
    return this.#view.values;
  }

  /** Whether what is held may be out of date: there is no connection, or it is not yet complete. */
  get stale() {
    return !this.isReady;
  }

  /** Opaque; as `after` of a later subscription it goes on from here. @returns {Place | null} */
  get place() {
    return this.#place && [...this.#place];
  }

  /**
   * How old a value is by the node's clock, in milliseconds.
   *
   * @param {string} topic
   * @returns {number | null} null if it is not held
   */
  age(topic) {
    const held = this.values.get(topic);
    return held ? Math.max(0, this.port.serverNow() - held.received / 1_000) : null;
  }

  /** @returns {Promise<void>} when the values are complete @throws {LiveError} if it ends before */
  whenReady() {
    if (this.isReady) return Promise.resolve();
    if (this.isOver) return Promise.reject(new LiveError('closed', 'the subscription is over'));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** What happens from now on, in order. */
  [Symbol.asyncIterator]() {
    const feed = new Feed((it) => this.#feeds.delete(it));
    if (this.isOver) feed.finish(null);
    else this.#feeds.add(feed);
    return feed;
  }

  /** @param {{ min_interval_ms?: number, bytes_per_s?: number }} limits */
  change(limits) {
    Object.assign(this.options, limits);
    if (this.sub) this.port.send({ t: 'change', sub: this.sub, ...limits });
  }

  unsubscribe() {
    if (this.isOver) return;
    if (this.sub) this.port.send({ t: 'unsubscribe', sub: this.sub });
    this.finish();
  }

  // What the client tells it.

  /** There is a connection. */
  begin() {
    this.sub = this.port.number();
    this.#after = this.#place !== null;
    const delta = this.#recentResyncs() < RESYNCS ? {} : { delta: false };
    const after = this.#place ? { after: this.#place } : {};
    this.port.send({ t: 'subscribe', sub: this.sub, filter: this.filter, ...this.options, ...delta, ...after });
  }

  /** There is none. */
  lost() {
    if (this.sub) this.port.forget(this.sub);
    this.sub = 0;
    this.#runs = false;
    this.isReady = false;
    this.#sure = false;
  }

  /** The numbers of topics are another server's. */
  engineChanged() {
    this.#view.forgetNumbers();
  }

  /** It is over for good. @param {LiveError} [error] why */
  finish(error = new LiveError('closed', 'the subscription is over')) {
    if (this.isOver) return;
    this.lost();
    this.isOver = true;
    this.port.leave();
    for (const feed of [...this.#feeds]) feed.finish(null);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /**
   * @param {import('./frames.js').OfSubscription} frame
   * @param {import('./credit.js').Parcel | null} parcel the bytes of the frame
   */
  frame(frame, parcel) {
    switch (frame.t) {
      case 'subscribed':
        return this.#subscribed(frame);
      case 'data':
        return this.#data(frame, parcel);
      case 'ready':
        return this.#ready(frame.at);
      case 'gap': {
        const { lane, from, to, reason } = frame;
        this.#know(lane === 'critical' ? [0, to, 0, 0] : [0, 0, 0, to]);
        return this.#tell({ type: 'gap', lane, from, to, reason });
      }
      case 'reset':
        this.isReady = false;
        return this.#drop();
      case 'ended':
        this.#tell({ type: 'ended', code: frame.code, detail: frame.detail });
        return this.finish();
    }
  }

  /** @param {{ code: string, detail: string }} refused */
  refused({ code, detail }) {
    this.#tell({ type: 'refused', code, detail });
    // Once it runs, only a change can have been refused.
    if (!this.#runs) this.finish(new LiveError('refused', detail || code, code));
  }

  /** @param {import('./frames.js').Subscribed} frame */
  #subscribed({ recovery, deliver, at, resumed }) {
    this.recovery = recovery;
    this.deliver = deliver;
    const first = !this.#begun;
    this.#begun = true;
    this.#runs = true;
    if (resumed) {
      this.#sure = true;
      return;
    }
    if (!this.#after && this.#known) this.#tellLeftOut(this.#known, at);
    this.#known = at;
    if (first) this.#view.clear();
    else this.#drop();
    if (this.options.snapshot === false) {
      this.#sure = true;
      this.#reach(at);
      this.#isComplete();
    }
  }

  /** Events that came between two places, and were asked for by nobody. @param {Place} from @param {Place} to */
  #tellLeftOut(from, to) {
    if (this.options.kinds === 'state' || this.options.deliver === 'latest') return;
    for (const [lane, at] of /** @type {const} */ ([['critical', 1], ['normal', 3]])) {
      if (to[at] > from[at]) this.#tell({ type: 'gap', lane, from: from[at] + 1, to: to[at], reason: 'unknown' });
    }
  }

  #drop() {
    this.#view.clear();
    this.#sure = false;
    this.#place = null;
    this.#tell({ type: 'reset' });
  }

  /**
   * @param {import('./frames.js').Data} frame
   * @param {import('./credit.js').Parcel | null} parcel
   */
  #data({ u, at }, parcel) {
    const { sub } = this;
    for (const row of u) {
      let event;
      try {
        event = this.#view.apply(row);
      } catch (error) {
        if (error instanceof MismatchError) return this.#resync();
        throw error;
      }
      this.#tell(event, parcel);
      // The application may have ended it just now.
      if (this.sub !== sub) return;
    }
    if (this.#sure) this.#reach(at);
    // Part of a snapshot is no place to resume from; events up to there have come all the same.
    else this.#know(at);
  }

  /** @param {Place} at */
  #ready(at) {
    this.#sure = true;
    this.#reach(at);
    this.#isComplete();
    this.#tell({ type: 'ready' });
  }

  #isComplete() {
    this.isReady = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** @param {Place} at */
  #reach(at) {
    this.#place = at;
    this.#known = at;
  }

  /** Nothing up to a place is unsaid, in each lane. @param {Place} at */
  #know(at) {
    const [critical, c, normal, n] = this.#known ?? at;
    this.#known = [critical, Math.max(c, at[1]), normal, Math.max(n, at[3])];
  }

  /** What is held is not what the server thinks: begin anew. */
  #resync() {
    if (this.#recentResyncs() >= 2 * RESYNCS) throw new ProtocolError('deltas never fit what is held');
    this.#resyncs.push(this.port.now());
    this.port.send({ t: 'unsubscribe', sub: this.sub });
    this.lost();
    this.#place = null;
    this.begin();
  }

  #recentResyncs() {
    const since = this.port.now() - RESYNC_MS;
    this.#resyncs = this.#resyncs.filter((at) => at > since);
    return this.#resyncs.length;
  }

  /**
   * @param {LiveEvent} event
   * @param {import('./credit.js').Parcel | null} [parcel]
   */
  #tell(event, parcel = null) {
    const isState = event.type === 'deleted' || (event.type === 'update' && event.kind !== 'event');
    for (const feed of this.#feeds) feed.push(event, parcel, isState && this.options.deliver !== 'each');
    if (!this.listener) return;
    try {
      const answer = this.listener(event);
      // Who answers with a promise has taken it when that is kept.
      if (answer instanceof Promise) {
        parcel?.hold();
        const done = () => parcel?.release();
        answer.then(done, (error) => {
          done();
          this.port.failed(error);
        });
      }
    } catch (error) {
      this.port.failed(error);
    }
  }
}
