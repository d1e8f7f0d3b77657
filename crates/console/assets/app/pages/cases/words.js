// What a case and its steps are called.
import { t, tOr } from '../../data/text.js';

/** @param {{condition: string, text: string}} one @returns {string} */
export const what = (one) => tOr(`condition.${one.condition}`, one.text || one.condition);

/** @param {{name: string|null, source: string}} one @returns {string} */
export const who = (one) => one.name ?? one.source;

/** @param {Api.Case} one @returns {string} */
export const title = (one) => `${what(one)} · ${who(one)} (${one.id})`;

/** Who did something, in words: `operator:anna` is Anna, `timer` is the node. @param {string} by @returns {string} */
export function actor(by) {
  const [kind = '', name] = by.split(/:(.*)/s);
  return name ? name : tOr(`actor.${kind}`, t('actor.unknown', { by }));
}
