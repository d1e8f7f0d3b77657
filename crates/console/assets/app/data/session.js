// Who is at work here: the token, and what it may do.
import { store } from '../core/store.js';

/**
 * @typedef {object} Session
 * @property {'checking'|'out'|'in'} phase
 * @property {import('../core/roles.js').Role} role
 * @property {boolean} open the node wants no token
 * @property {string|null} refused why the last token was not taken
 */

const KEY = 'spica.token';

/** @type {import('../core/store.js').Store<Session>} */
export const session = store(/** @type {Session} */ ({ phase: 'checking', role: null, open: false, refused: null }));

/** @returns {string} empty if there is none */
export function token() {
  try {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} secret @param {boolean} remember beyond this tab */
export function keep(secret, remember) {
  sessionStorage.setItem(KEY, secret);
  if (remember) localStorage.setItem(KEY, secret);
  else localStorage.removeItem(KEY);
}

/** Forgets the token, everywhere. */
export function forget() {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}

/** @param {Partial<Session>} change */
export const setSession = (change) => session.update((now) => ({ ...now, ...change }));
