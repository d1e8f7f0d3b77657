// Tokens: who may do what.
import { by, inTurn } from '../../core/sort.js';

/** The mightiest first. */
export const ROLES = ['admin', 'operator', 'reader', 'device'];

/** @type {(a: Api.Token, b: Api.Token) => number} */
export const order = inTurn(by((token) => ROLES.indexOf(token.role)), by((token) => token.name), by((token) => token.id));

/** @param {Record<string, string>} answer of the form @returns {{name: string, role: string, serial?: string}} what is sent */
export const wanted = (answer) => ({
  name: (answer.name ?? '').trim(), role: answer.role ?? 'reader', ...(answer.role === 'device' ? { serial: (answer.serial ?? '').trim() } : {}),
});
