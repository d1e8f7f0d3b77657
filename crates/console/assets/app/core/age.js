// How old something is. An age that cannot be known is null, never zero.

/** @typedef {{value: number, unit: 'second'|'minute'|'hour'|'day'}} Age */

const MINUTE = 60, HOUR = 3600, DAY = 86400;

/**
 * The time in milliseconds since 1970 of an RFC 3339 text; null if there is none.
 * @param {string|number|null|undefined} at
 * @returns {number|null}
 */
export function millis(at) {
  if (at === null || at === undefined) return null;
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return Number.isFinite(ms) ? ms : null;
}

/**
 * In one unit, rounded down: an age is never said to be more than it is.
 * @param {number} ms
 * @returns {Age}
 */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2 * MINUTE) return { value: seconds, unit: 'second' };
  if (seconds < 2 * HOUR) return { value: Math.floor(seconds / MINUTE), unit: 'minute' };
  if (seconds < 2 * DAY) return { value: Math.floor(seconds / HOUR), unit: 'hour' };
  return { value: Math.floor(seconds / DAY), unit: 'day' };
}

/**
 * How a value stands: what came over a connection that is lost may have changed since.
 * @param {{at: number|null, now: number, link: 'open'|'lost', limit?: number}} of
 *   `limit`: from this age in milliseconds on the value is old by itself
 * @returns {'unknown'|'stale'|'old'|'fresh'}
 */
export function freshness({ at, now, link, limit }) {
  if (at === null) return 'unknown';
  if (link === 'lost') return 'stale';
  return limit !== undefined && now - at > limit ? 'old' : 'fresh';
}
