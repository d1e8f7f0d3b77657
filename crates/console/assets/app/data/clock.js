// The time by the node's clock, each second: ages are differences of times of one clock.
import { store } from '../core/store.js';

let ahead = 0;

/** Milliseconds since 1970 by the node's clock, as far as it is known. @returns {number} */
export const nodeNow = () => Date.now() + ahead;

/** What ticks: the time of the last full second. */
export const tick = store(nodeNow());

setInterval(() => tick.set(nodeNow()), 1000);

/** Says what time it is at the node. @param {number} ms */
export function setNodeTime(ms) {
  const difference = ms - Date.now();
  // A tenth of a second is the way through the network, not the clock.
  if (Math.abs(difference - ahead) > 100) ahead = difference;
}
