// What a case and its steps are called.
import { t, tOr } from '../../data/text.js';

/** @param {{condition: string, text: string}} one @returns {string} */
export const what = (one) => tOr(`condition.${one.condition}`, one.text || one.condition);

/** @param {{name: string|null, source: string}} one @returns {string} */
export const who = (one) => one.name ?? one.source;

/** @param {Api.Case} one @returns {string} */
export const title = (one) => `${what(one)} · ${who(one)} (${one.id})`;

/**
 * Who did something, in words: `operator:anna#59cd…` is anna, `timer` is the timer. The id of the token
 * is left out: where it matters, see `tokenOf`.
 * @param {string} by @returns {string}
 */
export function actor(by) {
  const [kind = '', name] = by.split(/:(.*)/s);
  return (name ?? tOr(`actor.${kind}`, t('actor.unknown', { by }))).replace(TOKEN, '');
}

const TOKEN = /#[0-9a-f]{16}$/;

/** The id of the token by which somebody did something; empty if there was none. @param {string} by @returns {string} */
export const tokenOf = (by) => by.match(TOKEN)?.[0] ?? '';
