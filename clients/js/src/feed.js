// What happens in a subscription, as an async iterator.

import { LiveError } from './errors.js';

/**
 * @typedef {import('./subscription.js').LiveEvent} LiveEvent
 * @typedef {import('./credit.js').Parcel} Parcel
 */

/** Beyond this an application takes nothing any more. */
export const WAITING = 65_536;

/**
 * Holds what the application has not yet asked for. Values of one topic are conflated: only the
 * newest waits, in its place of order. Everything else waits for its turn, and the bytes it came in
 * are not given back to the server as credit: it stops sending when the window is used up. So what
 * waits is bounded by the number of topics and by the window; beyond `WAITING` entries the iterator
 * ends with `overflow`.
 *
 * @implements {AsyncIterableIterator<LiveEvent>}
 */
export class Feed {
  /** @param {(feed: Feed) => void} ended it will ask for nothing any more */
  constructor(ended) {
    this.ended = ended;
    /** @type {Map<string | number, { event: LiveEvent, parcel: Parcel | null }>} */
    this.waiting = new Map();
    this.count = 0;
    /** @type {Parcel | null} of what the application has in hand */
    this.inHand = null;
    /** @type {{ resolve: (result: IteratorResult<LiveEvent>) => void, reject: (error: Error) => void }[]} */
    this.askers = [];
    this.over = false;
    /** @type {LiveError | null} */
    this.error = null;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /**
   * @param {LiveEvent} event
   * @param {Parcel | null} parcel the bytes it came in
   * @param {boolean} conflates whether only the newest of its topic matters
   */
  push(event, parcel, conflates) {
    if (this.over) return;
    parcel?.hold();
    const asker = this.askers.shift();
    if (asker) {
      this.#hand(parcel);
      return asker.resolve({ done: false, value: event });
    }
    this.count += 1;
    const key = conflates && 'topic' in event ? event.topic : this.count;
    const older = this.waiting.get(key);
    if (older) {
      this.waiting.delete(key);
      older.parcel?.release();
    }
    this.waiting.set(key, { event, parcel });
    if (this.waiting.size > WAITING) {
      this.finish(new LiveError('overflow', `more than ${WAITING} entries wait to be taken`));
      this.#empty();
    }
  }

  /** @returns {Promise<IteratorResult<LiveEvent>>} */
  next() {
    // Who asks for the next one is done with the one before.
    this.#hand(null);
    const first = this.waiting.entries().next();
    if (!first.done) {
      const [key, { event, parcel }] = first.value;
      this.waiting.delete(key);
      this.#hand(parcel);
      return Promise.resolve({ done: false, value: event });
    }
    if (this.error) {
      const { error } = this;
      this.error = null;
      return Promise.reject(error);
    }
    if (this.over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.askers.push({ resolve, reject }));
  }

  /** @returns {Promise<IteratorResult<LiveEvent>>} */
  return() {
    this.finish(null);
    this.#empty();
    this.#hand(null);
    return Promise.resolve({ done: true, value: undefined });
  }

  /**
   * Nothing more comes; what waits can still be taken.
   *
   * @param {LiveError | null} error
   */
  finish(error) {
    if (this.over) return;
    this.over = true;
    this.error = error;
    this.ended(this);
    for (const { resolve } of this.askers.splice(0)) resolve({ done: true, value: undefined });
  }

  #empty() {
    for (const { parcel } of this.waiting.values()) parcel?.release();
    this.waiting.clear();
  }

  /** @param {Parcel | null} parcel */
  #hand(parcel) {
    this.inHand?.release();
    this.inHand = parcel;
  }
}
