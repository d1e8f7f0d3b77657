// Which way to take: WebSocket, server-sent events, long-poll.

/** @typedef {'ws' | 'sse' | 'poll'} Way */

/** After so many failures in a row a way that has worked is no longer the only one that is tried. */
const FAILURES = 3;

export class Ways {
  /**
   * @param {Way[]} wanted in order
   * @param {import('./time.js').Time} time
   * @param {number} retryWsMs how long until WebSocket is tried again where another way has worked
   */
  constructor(wanted, time, retryWsMs) {
    if (wanted.length === 0) throw new TypeError('at least one transport is needed');
    this.wanted = wanted;
    this.time = time;
    this.retryWsMs = retryWsMs;
    this.prefersWs = wanted[0] === 'ws';
    /** @type {Way | null} */
    this.best = null;
    this.failures = 0;
    this.since = 0;
  }

  /** @returns {Way[]} what to try with one endpoint, in order */
  order() {
    if (!this.best) return this.wanted;
    const first = this.wsIsDue() === 0 ? 'ws' : this.best;
    if (first === this.best && this.failures < FAILURES) return [first];
    return [first, ...this.wanted.filter((way) => way !== first)];
  }

  /**
   * @returns {number} milliseconds until WebSocket is to be tried again; infinite if it is in use
   */
  wsIsDue() {
    if (!this.best || this.best === 'ws' || !this.prefersWs) return Infinity;
    return Math.max(0, this.since + this.retryWsMs - this.time.now());
  }

  /** @param {Way} way */
  worked(way) {
    if (this.best !== way) this.since = this.time.now();
    this.best = way;
    this.failures = 0;
  }

  /** @param {Way} way */
  failed(way) {
    if (way === this.best) this.failures += 1;
    // WebSocket had its chance again.
    if (way === 'ws' && this.best && this.best !== 'ws') this.since = this.time.now();
  }

  /**
   * Nothing came this way after the welcome: something in between holds it back. It comes last now.
   *
   * @param {Way} way
   */
  mute(way) {
    this.wanted = [...this.wanted.filter((it) => it !== way), way];
    this.best = null;
  }
}
