// Time and chance, so that tests can have their own.

/**
 * @typedef {object} Time
 * @property {() => number} now milliseconds since 1970. Not a monotonic clock: that stands still
 *   while a device sleeps, and what is silent meanwhile must be seen
 * @property {(ms: number, then: () => void) => () => void} after calls once; what it returns cancels
 * @property {() => number} random 0 up to, without, 1
 */

/** The longest that a timer of JavaScript can wait. */
const TIMER_MS = 2 ** 31 - 1;

/** @type {Time} */
export const REAL = {
  now: () => Date.now(),
  after(ms, then) {
    const timer = setTimeout(then, Math.min(ms, TIMER_MS));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
