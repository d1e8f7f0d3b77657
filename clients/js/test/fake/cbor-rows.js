// Frames as scenarios write them, in CBOR: payloads and patches become text or bytes.

import { decodeCbor, encodeCbor } from '../../src/cbor.js';
import { formOf } from '../../src/rows.js';

const CONTENT = ['application/json', 'text/plain', 'application/octet-stream'];

/** @param {{ t: string, [key: string]: any }} frame */
export function toCbor(frame) {
  return encodeCbor(frame.t === 'data' ? { ...frame, u: frame.u.map(rowOf) } : frame);
}

/**
 * @param {Uint8Array} message
 * @returns {any}
 */
export function fromCbor(message) {
  return decodeCbor(message);
}

/** @param {any[]} row */
function rowOf(row) {
  const last = row.length - 1;
  if (row[0] === 0 && last === 11) {
    const form = formOf(typeof row[10] === 'string' ? row[10] : (CONTENT[row[10]] ?? ''));
    return [...row.slice(0, last), shown(row[last], form)];
  }
  if (row[0] === 1 && last === 12) return [...row.slice(0, last), shown(row[last], row[11] === 0 ? 'json' : 'bytes')];
  return row;
}

/**
 * @param {any} payload
 * @param {string} form
 */
function shown(payload, form) {
  if (form === 'json') return JSON.stringify(payload);
  return form === 'text' ? payload : new Uint8Array(Buffer.from(payload, 'base64'));
}
