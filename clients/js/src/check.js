// Small checks of what came over the wire.

import { ProtocolError } from './errors.js';

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {number} an integer, not negative, that a number can hold
 */
export function count(value, what) {
  if (!Number.isSafeInteger(value) || /** @type {number} */ (value) < 0) {
    throw new ProtocolError(`${what} is no number: ${shown(value)}`);
  }
  return /** @type {number} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {number} an integer that a number can hold
 */
export function integer(value, what) {
  if (!Number.isSafeInteger(value)) throw new ProtocolError(`${what} is no integer: ${shown(value)}`);
  return /** @type {number} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {string}
 */
export function text(value, what) {
  if (typeof value !== 'string') throw new ProtocolError(`${what} is no text: ${shown(value)}`);
  return value;
}

/**
 * One of the words at whose place the number stands.
 *
 * @template {string} W
 * @param {unknown} value
 * @param {readonly W[]} words
 * @param {string} what
 * @returns {W}
 */
export function word(value, words, what) {
  const found = words[/** @type {number} */ (value)];
  if (typeof value !== 'number' || found === undefined) {
    throw new ProtocolError(`${what} is unknown: ${shown(value)}`);
  }
  return found;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {[number, number, number, number]} a place
 */
export function place(value, what) {
  if (!Array.isArray(value) || value.length !== 4) throw new ProtocolError(`${what} is no place`);
  const [a, b, c, d] = value;
  return [count(a, what), count(b, what), count(c, what), count(d, what)];
}

/** @param {unknown} value */
export function shown(value) {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
