// Where the other node of the pair is, for the moment when this one is not there any more. A
// browser keeps the token from it, so the way there is a link for people.
import { store } from '../core/store.js';
import { Problem, get } from './api.js';
import { link } from './live.js';

/** The address of the partner's console; null if there is none. */
export const partner = store(/** @type {string|null} */ (null));

/** Whether the node said that it has no partner. It would need a new start to have one. */
export let alone = false;

/** Asks how the pair stands. @returns {Promise<Api.Pair|null>} null: the node is alone */
export async function askPair() {
  try {
    return await get('/v1/pair');
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    alone = true;
    return null;
  }
}

/** Asks each time the link is opened. */
export function followPartner() {
  let times = 0;
  link.watch(() => {
    const now = link.get();
    if (now.state !== 'open' || now.times === times) return;
    times = now.times;
    alone = false;
    askPair().then((pair) => {
      const address = pair?.partner.http;
      partner.set(address && /^https?:\/\//.test(address) ? `${address.replace(/\/$/, '')}/` : null);
    }).catch(() => {});
  });
}
