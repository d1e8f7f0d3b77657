// Rows as they stand on the wire, read and checked.

import { decodeBase64, encodeUtf8 } from './bytes.js';
import { count, integer, shown, text, word } from './check.js';
import { ProtocolError } from './errors.js';

/**
 * @typedef {{ lane: 'critical' | 'normal', epoch: number, number: number }} Position
 * @typedef {'good' | 'uncertain' | 'bad'} Quality
 * @typedef {{ position: Position, received: number, source: number | null, quality: Quality }} Stamp
 * @typedef {Stamp & { row: 'full', id: number, topic: string, kind: 'state' | 'event', contentType: string, value: unknown }} Full
 * @typedef {Stamp & { row: 'delta', id: number, base: Position, method: 'merge' | 'binary', patch: unknown }} Delta
 * @typedef {Stamp & { row: 'deleted', id: number, topic: string }} Deleted
 * @typedef {Stamp & { row: 'same', id: number }} Same
 * @typedef {Stamp & { row: 'window', id: number, topic: string, value: Record<string, unknown>, from: number, to: number }} Window
 * @typedef {Full | Delta | Deleted | Same | Window} Row
 */

const LANES = /** @type {const} */ (['critical', 'normal']);
const QUALITIES = /** @type {const} */ (['good', 'uncertain', 'bad']);
const KINDS = /** @type {const} */ (['state', 'event']);
const METHODS = /** @type {const} */ (['merge', 'binary']);
const CONTENT = ['application/json', 'text/plain; charset=utf-8', 'application/octet-stream'];
/** How many elements each kind of row has at least; later versions may add some. */
const LENGTHS = [12, 13, 9, 8, 10];

/**
 * @param {unknown} row
 * @param {'json' | 'cbor'} encoding of the frame it is in
 * @returns {Row}
 * @throws {ProtocolError}
 */
export function readRow(row, encoding) {
  if (!Array.isArray(row)) throw new ProtocolError(`a row is no array: ${shown(row)}`);
  const length = LENGTHS[row[0]];
  if (length === undefined) throw new ProtocolError(`an unknown kind of row: ${shown(row[0])}`);
  if (row.length < length) throw new ProtocolError(`a row that is cut short: ${shown(row)}`);
  const id = count(row[1], 'a topic number');
  switch (row[0]) {
    case 0: {
      const contentType = readContentType(row[10]);
      const value = readPayload(row[11], contentType, encoding);
      const kind = word(row[9], KINDS, 'a kind');
      return { row: 'full', id, topic: text(row[2], 'a topic'), ...readStamp(row, 3), kind, contentType, value };
    }
    case 1: {
      const method = word(row[11], METHODS, 'the method of a delta');
      const patch = method === 'merge' ? readJson(row[12], encoding) : readBytes(row[12], encoding);
      return { row: 'delta', id, ...readStamp(row, 2), base: readPosition(row, 8), method, patch };
    }
    case 2:
      return { row: 'deleted', id, topic: text(row[2], 'a topic'), ...readStamp(row, 3) };
    case 3:
      return { row: 'same', id, ...readStamp(row, 2) };
    default:
      return readWindow(row, id);
  }
}

/**
 * @param {unknown[]} row
 * @param {number} id
 * @returns {Window}
 */
function readWindow(row, id) {
  const value = row[7];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError('the results of a window are no object');
  }
  return {
    row: 'window',
    id,
    topic: text(row[2], 'a topic'),
    position: readPosition(row, 3),
    received: integer(row[6], 'a time'),
    source: null,
    quality: 'good',
    value: /** @type {Record<string, unknown>} */ (value),
    from: integer(row[8], 'a time'),
    to: integer(row[9], 'a time'),
  };
}

/**
 * @param {unknown[]} row
 * @param {number} at
 * @returns {Position}
 */
function readPosition(row, at) {
  return {
    lane: word(row[at], LANES, 'a lane'),
    epoch: count(row[at + 1], 'an epoch'),
    number: count(row[at + 2], 'a number'),
  };
}

/**
 * `lane, epoch, number, received, source or null, q`
 *
 * @param {unknown[]} row
 * @param {number} at
 * @returns {Stamp}
 */
function readStamp(row, at) {
  const source = row[at + 4];
  return {
    position: readPosition(row, at),
    received: integer(row[at + 3], 'a time'),
    source: source === null ? null : integer(source, 'a time'),
    quality: word(row[at + 5], QUALITIES, 'a quality'),
  };
}

/** @param {unknown} content */
function readContentType(content) {
  return typeof content === 'string' ? content : word(content, CONTENT, 'a content type');
}

/**
 * @param {unknown} payload
 * @param {string} contentType
 * @param {'json' | 'cbor'} encoding
 */
function readPayload(payload, contentType, encoding) {
  const form = formOf(contentType);
  if (form === 'json') return readJson(payload, encoding);
  return form === 'text' ? text(payload, 'a payload') : readBytes(payload, encoding);
}

/**
 * What a payload of this type is to a program.
 *
 * @param {string} contentType
 * @returns {'json' | 'text' | 'bytes'}
 */
export function formOf(contentType) {
  if (contentType === CONTENT[0]) return 'json';
  const essence = contentType.split(';', 1)[0] ?? '';
  if (essence.trimEnd().endsWith('+json')) return 'json';
  return contentType.startsWith('text/') ? 'text' : 'bytes';
}

/**
 * @param {unknown} value
 * @param {'json' | 'cbor'} encoding
 */
function readJson(value, encoding) {
  if (encoding === 'json') return value;
  try {
    return JSON.parse(text(value, 'JSON'));
  } catch {
    throw new ProtocolError('a payload that is not the JSON it claims to be');
  }
}

/**
 * @param {unknown} value
 * @param {'json' | 'cbor'} encoding
 * @returns {Uint8Array}
 */
function readBytes(value, encoding) {
  if (encoding === 'json') return decodeBase64(text(value, 'bytes'));
  if (!(value instanceof Uint8Array)) throw new ProtocolError('bytes that are no bytes');
  return value;
}

/**
 * The value as bytes, as a binary delta needs it.
 *
 * @param {unknown} value
 * @returns {Uint8Array | null} null for JSON: its bytes are not known
 */
export function bytesOf(value) {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? encodeUtf8(value) : null;
}
