// What a subscription holds: the last value of each topic. No I/O, no time.

import { decodeUtf8 } from './bytes.js';
import { binaryDelta, mergePatch } from './delta.js';
import { MismatchError } from './errors.js';
import { bytesOf, formOf } from './rows.js';

/**
 * @typedef {object} Update a value that has come
 * @property {'update'} type
 * @property {string} topic
 * @property {any} value what JSON gives, a text, or bytes
 * @property {import('./rows.js').Quality} quality
 * @property {number} received µs since 1970, by the node's clock
 * @property {number | null} source µs since 1970, by the source's clock
 * @property {import('./rows.js').Position} position
 * @property {'state' | 'event' | 'window'} kind
 * @property {string} contentType
 * @property {number} [from] of a window: when its first value was received
 * @property {number} [to] of a window: when its last value was received
 *
 * @typedef {import('./rows.js').Stamp & { type: 'deleted', topic: string }} Deletion
 */

export class View {
  constructor() {
    /** @type {Map<string, Update>} */
    this.values = new Map();
    /** @type {Map<number, string>} topics by what stands for them in rows */
    this.topics = new Map();
  }

  /** What is held is no longer so. */
  clear() {
    this.values.clear();
    this.topics.clear();
  }

  /** The numbers of topics are those of another server now. */
  forgetNumbers() {
    this.topics.clear();
  }

  /**
   * @param {import('./rows.js').Row} row
   * @returns {Update | Deletion} what the application is told
   * @throws {MismatchError} if the row is for something else than what is held
   */
  apply(row) {
    const { position, received, source, quality } = row;
    switch (row.row) {
      case 'full': {
        const { topic, kind, contentType, value } = row;
        const update = updateOf(topic, value, row, kind, contentType);
        if (kind === 'state') this.#hold(row.id, update);
        return update;
      }
      case 'window': {
        const update = updateOf(row.topic, row.value, row, 'window', 'application/json');
        update.from = row.from;
        update.to = row.to;
        this.#hold(row.id, update);
        return update;
      }
      case 'deleted':
        this.topics.delete(row.id);
        this.values.delete(row.topic);
        return { type: 'deleted', topic: row.topic, position, received, source, quality };
      case 'same': {
        const held = this.#held(row.id);
        const update = updateOf(held.topic, held.value, row, held.kind, held.contentType);
        this.values.set(held.topic, update);
        return update;
      }
      case 'delta': {
        const held = this.#held(row.id);
        if (!isSame(held.position, row.base)) throw new MismatchError('a delta for another base');
        const value = changed(held, row);
        const update = updateOf(held.topic, value, row, held.kind, held.contentType);
        this.values.set(held.topic, update);
        return update;
      }
    }
  }

  /**
   * @param {number} id
   * @param {Update} update
   */
  #hold(id, update) {
    this.topics.set(id, update.topic);
    this.values.set(update.topic, update);
  }

  /** @param {number} id */
  #held(id) {
    const topic = this.topics.get(id);
    const held = topic === undefined ? undefined : this.values.get(topic);
    if (!held) throw new MismatchError('a change of what is not held');
    return held;
  }
}

/**
 * @param {string} topic
 * @param {unknown} value
 * @param {import('./rows.js').Stamp} stamp
 * @param {Update['kind']} kind
 * @param {string} contentType
 * @returns {Update}
 */
function updateOf(topic, value, { quality, received, source, position }, kind, contentType) {
  return { type: 'update', topic, value, quality, received, source, position, kind, contentType };
}

/**
 * @param {import('./rows.js').Position} a
 * @param {import('./rows.js').Position} b
 */
function isSame(a, b) {
  return a.lane === b.lane && a.epoch === b.epoch && a.number === b.number;
}

/**
 * @param {Update} held
 * @param {import('./rows.js').Delta} delta
 */
function changed(held, { method, patch }) {
  const form = formOf(held.contentType);
  if (method === 'merge') {
    if (form !== 'json') throw new MismatchError('a merge patch for what is no JSON');
    return mergePatch(held.value, patch);
  }
  const base = form === 'json' ? null : bytesOf(held.value);
  if (!base) throw new MismatchError('a binary delta for JSON, whose bytes are not held');
  const result = binaryDelta(base, /** @type {Uint8Array} */ (patch));
  if (form === 'bytes') return result;
  try {
    return decodeUtf8(result);
  } catch {
    throw new MismatchError('a delta that makes text into something else');
  }
}
