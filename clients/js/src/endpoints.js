// Which address is next: several endpoints in order, and what is remembered of each.

import { Backoff } from './backoff.js';

/** An address that has not failed for so long counts as one that never did. */
const FORGET_MS = 10 * 60_000;

export class Endpoint {
  /** @param {string} url `http://host:port` or `https://…`, without a `/` at its end */
  constructor(url) {
    this.url = url;
    /** Failures in a row. */
    this.failures = 0;
    /** When it failed last, in milliseconds since 1970. */
    this.failedAt = 0;
    /** No attempt before. */
    this.notBefore = 0;
    /** The same, as the server asked for it. */
    this.askedUntil = 0;
  }
}

export class Endpoints {
  /**
   * @param {string[]} urls
   * @param {import('./time.js').Time} time
   * @param {Backoff} backoff
   */
  constructor(urls, time, backoff) {
    if (urls.length === 0) throw new TypeError('at least one endpoint is needed');
    this.time = time;
    this.backoff = backoff;
    this.known = urls.map((url) => new Endpoint(addressOf(url)));
    /** @type {Endpoint | null} where a server sent us; counts once */
    this.sentTo = null;
  }

  /**
   * The endpoint to try now, or how long to wait for one.
   *
   * @returns {{ endpoint: Endpoint } | { wait: number }}
   */
  next() {
    const now = this.time.now();
    if (this.sentTo) {
      const endpoint = this.sentTo;
      this.sentTo = null;
      return { endpoint };
    }
    const free = this.known.filter((endpoint) => endpoint.notBefore <= now);
    if (free.length === 0) {
      return { wait: Math.min(...this.known.map((endpoint) => endpoint.notBefore)) - now };
    }
    // Those that did not fail come first, in their order; then the one whose failure is oldest.
    const age = (/** @type {Endpoint} */ it) => {
      return it.failures === 0 || now - it.failedAt > FORGET_MS ? 0 : it.failedAt;
    };
    return { endpoint: free.reduce((best, it) => (age(it) < age(best) ? it : best)) };
  }

  /**
   * @param {Endpoint} endpoint
   * @param {number} [least] the pause that the server asked for, in milliseconds
   */
  failed(endpoint, least = 0) {
    endpoint.failures += 1;
    endpoint.failedAt = this.time.now();
    this.rest(endpoint, least);
  }

  /**
   * A pause that is no reproach.
   *
   * @param {Endpoint} endpoint
   * @param {number} [least]
   */
  rest(endpoint, least = 0) {
    const pause = this.backoff.pause(endpoint.failures, this.time.random());
    endpoint.askedUntil = this.time.now() + least;
    endpoint.notBefore = endpoint.askedUntil + pause;
  }

  /**
   * Pauses end now; what servers asked for stays. The network may be back.
   */
  wake() {
    for (const endpoint of this.known) endpoint.notBefore = endpoint.askedUntil;
  }

  /** @param {Endpoint} endpoint */
  worked(endpoint) {
    endpoint.failures = 0;
  }

  /**
   * A server has named the active one. An address that is none of ours is believed, since that server
   * has our token anyway; but not from TLS to the clear.
   *
   * @param {string} address
   * @param {Endpoint} from
   * @returns {boolean} whether it will be tried next
   */
  sendTo(address, from) {
    let url;
    try {
      const scheme = from.url.split(':', 1)[0];
      url = addressOf(/^https?:\/\//i.test(address) ? address : `${scheme}://${address}`);
    } catch {
      return false;
    }
    if (from.url.startsWith('https:') && !url.startsWith('https:')) return false;
    const endpoint = this.known.find((it) => it.url === url) ?? new Endpoint(url);
    // Two nodes that name each other must not make us run between them.
    if (endpoint === from || endpoint.notBefore > this.time.now()) return false;
    this.sentTo = endpoint;
    return true;
  }
}

/**
 * @param {string} url
 * @returns {string} its origin and path, without a `/` at the end
 */
function addressOf(url) {
  const parsed = new URL(url);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new TypeError(`an endpoint is http:// or https://, not ${url}`);
  }
  if (parsed.username || parsed.password) throw new TypeError('an endpoint has no user: give a token');
  return parsed.origin + parsed.pathname.replace(/\/+$/, '');
}
