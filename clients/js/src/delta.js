// What changes a value into the next one.

import { define } from './cbor.js';
import { MismatchError } from './errors.js';

/** The longest result of a binary delta, in bytes. */
export const RESULT_BYTES = 1024 * 1024;

/** Deeper than any payload may be. */
const DEPTH = 128;

/**
 * Applies a JSON merge patch (RFC 7386). The base stays as it is.
 *
 * @param {unknown} base
 * @param {unknown} patch
 * @param {number} [depth]
 * @returns {unknown}
 * @throws {MismatchError} if it is nested too deep
 */
export function mergePatch(base, patch, depth = 0) {
  if (!isObject(patch)) return patch;
  if (depth > DEPTH) throw new MismatchError('a merge patch that is nested too deep');
  /** @type {Record<string, unknown>} */
  const result = {};
  if (isObject(base)) {
    for (const key of Object.keys(base)) define(result, key, base[key]);
  }
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    if (change === null) delete result[key];
    else define(result, key, mergePatch(Object.hasOwn(result, key) ? result[key] : null, change, depth + 1));
  }
  return result;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Applies a binary delta (`docs/live.md`).
 *
 * @param {Uint8Array} base
 * @param {Uint8Array} delta
 * @returns {Uint8Array}
 * @throws {MismatchError} if it is damaged, or not for this base
 */
export function binaryDelta(base, delta) {
  /** @type {Uint8Array[]} */
  const parts = [];
  const varint = new Varint(delta);
  let length = 0;
  while (varint.at < delta.length) {
    const n = varint.next();
    const copies = n % 2 === 1;
    const size = copies ? (n - 1) / 2 : n / 2;
    const from = copies ? varint.next() : varint.at;
    const source = copies ? base : delta;
    if (size > source.length || from > source.length - size) {
      throw new MismatchError('a delta that reaches beyond its base');
    }
    length += size;
    if (length > RESULT_BYTES) throw new MismatchError('a delta whose result is too long');
    // An operation of no length changes nothing, and must not cost memory.
    if (size > 0) parts.push(source.subarray(from, from + size));
    if (!copies) varint.at += size;
  }
  const result = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Reads LEB128 numbers, up to 2^53. */
class Varint {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  next() {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new MismatchError('a delta that is cut short');
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new MismatchError('a number of a delta that is too large');
      if (byte < 0x80) return value;
      scale *= 128;
      if (scale > 2 ** 63) throw new MismatchError('a number of a delta that is too long');
    }
  }
}
