// CBOR (RFC 8949), as much of it as the protocol needs: integers, floats, text, bytes, arrays, maps
// with text keys, booleans, null. Strict and bounded: definite lengths only, no tags, no other simple
// values, no key twice, nothing after the item.

import { decodeUtf8, encodeUtf8 } from './bytes.js';
import { ProtocolError } from './errors.js';

/** Deeper than any payload may be (100), with the frame around it. */
const DEPTH = 128;

/**
 * Reads one item that is the whole message.
 *
 * Integers become numbers; beyond 2^53 they lose precision as they do in JSON.
 *
 * @param {Uint8Array} bytes
 * @returns {unknown}
 * @throws {ProtocolError} for anything else
 */
export function decodeCbor(bytes) {
  const reader = new Reader(bytes);
  const value = reader.item(0);
  if (reader.at !== bytes.length) throw new ProtocolError('bytes after the end of the CBOR item');
  return value;
}

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  /**
   * @param {number} depth
   * @returns {unknown}
   */
  item(depth) {
    if (depth > DEPTH) throw new ProtocolError('CBOR nested too deep');
    const first = this.byte();
    const major = first >> 5;
    const info = first & 0x1f;
    switch (major) {
      case 0:
        return this.argument(info);
      case 1:
        return -1 - this.argument(info);
      case 2:
        return this.take(this.argument(info)).slice();
      case 3:
        return decodeUtf8(this.take(this.argument(info)));
      case 4:
        return this.array(this.count(info, 1), depth);
      case 5:
        return this.map(this.count(info, 2), depth);
      case 7:
        return this.simple(info);
      default:
        throw new ProtocolError('a CBOR tag');
    }
  }

  byte() {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new ProtocolError('CBOR that is cut short');
    this.at += 1;
    return byte;
  }

  /** @param {number} length */
  take(length) {
    if (length > this.bytes.length - this.at) throw new ProtocolError('CBOR that is cut short');
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** @param {number} info */
  argument(info) {
    if (info < 24) return info;
    if (info > 27) throw new ProtocolError('a CBOR length that is not definite');
    const at = this.at;
    this.take(1 << (info - 24));
    if (info === 24) return this.view.getUint8(at);
    if (info === 25) return this.view.getUint16(at);
    if (info === 26) return this.view.getUint32(at);
    return Number(this.view.getBigUint64(at));
  }

  /**
   * A number of items, each at least so many bytes long: what is announced must fit.
   *
   * @param {number} info
   * @param {number} each
   */
  count(info, each) {
    const count = this.argument(info);
    if (count * each > this.bytes.length - this.at) throw new ProtocolError('CBOR that is cut short');
    return count;
  }

  /**
   * @param {number} count
   * @param {number} depth
   */
  array(count, depth) {
    const items = [];
    for (let i = 0; i < count; i += 1) items.push(this.item(depth + 1));
    return items;
  }

  /**
   * @param {number} count
   * @param {number} depth
   */
  map(count, depth) {
    /** @type {Record<string, unknown>} */
    const map = {};
    for (let i = 0; i < count; i += 1) {
      const key = this.item(depth + 1);
      if (typeof key !== 'string') throw new ProtocolError('a CBOR key that is no text');
      if (Object.hasOwn(map, key)) throw new ProtocolError('a CBOR key twice');
      define(map, key, this.item(depth + 1));
    }
    return map;
  }

  /** @param {number} info */
  simple(info) {
    const at = this.at;
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
        this.take(2);
        return half(this.view.getUint16(at));
      case 26:
        this.take(4);
        return this.view.getFloat32(at);
      case 27:
        this.take(8);
        return this.view.getFloat64(at);
      default:
        throw new ProtocolError('a simple value of CBOR that is not used here');
    }
  }
}

/**
 * Sets a member; `__proto__` is a key like others.
 *
 * @param {Record<string, unknown>} map
 * @param {string} key
 * @param {unknown} value
 */
export function define(map, key, value) {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    map[key] = value;
  }
}

/** @param {number} bits */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (fraction + 1024) * 2 ** (exponent - 25);
}

/**
 * Writes a value that is JSON, or has bytes in it. Members that are `undefined` are left out.
 *
 * @param {unknown} value
 * @returns {Uint8Array}
 * @throws {TypeError} for what is neither
 */
export function encodeCbor(value) {
  const writer = new Writer();
  writer.item(value, 0);
  return writer.bytes.slice(0, writer.at);
}

class Writer {
  constructor() {
    this.bytes = new Uint8Array(256);
    this.at = 0;
  }

  /** @param {number} more */
  room(more) {
    if (this.at + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + more));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  /**
   * @param {number} major
   * @param {number} argument
   */
  head(major, argument) {
    this.room(9);
    const view = new DataView(this.bytes.buffer);
    const type = major << 5;
    if (argument < 24) {
      this.bytes[this.at++] = type | argument;
    } else if (argument < 0x100) {
      this.bytes[this.at++] = type | 24;
      this.bytes[this.at++] = argument;
    } else if (argument < 0x10000) {
      this.bytes[this.at++] = type | 25;
      view.setUint16(this.at, argument);
      this.at += 2;
    } else if (argument < 0x100000000) {
      this.bytes[this.at++] = type | 26;
      view.setUint32(this.at, argument);
      this.at += 4;
    } else {
      this.bytes[this.at++] = type | 27;
      view.setBigUint64(this.at, BigInt(argument));
      this.at += 8;
    }
  }

  /** @param {Uint8Array} bytes */
  put(bytes) {
    this.room(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /**
   * @param {unknown} value
   * @param {number} depth
   */
  item(value, depth) {
    if (depth > DEPTH) throw new TypeError('nested too deep');
    if (value === null) this.head(7, 22);
    else if (typeof value === 'boolean') this.head(7, value ? 21 : 20);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'string') this.text(value);
    else if (value instanceof Uint8Array) {
      this.head(2, value.length);
      this.put(value);
    } else if (Array.isArray(value)) {
      this.head(4, value.length);
      // As in JSON, a hole is null.
      for (const item of value) this.item(item ?? null, depth + 1);
    } else if (typeof value === 'object') {
      const entries = Object.entries(value).filter(([, item]) => item !== undefined);
      this.head(5, entries.length);
      for (const [key, item] of entries) {
        this.text(key);
        this.item(item, depth + 1);
      }
    } else throw new TypeError(`${typeof value} is not JSON`);
  }

  /** @param {number} value */
  number(value) {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.head(0, value);
      else this.head(1, -1 - value);
      return;
    }
    this.room(9);
    this.bytes[this.at++] = 0xfb;
    new DataView(this.bytes.buffer).setFloat64(this.at, value);
    this.at += 8;
  }

  /** @param {string} text */
  text(text) {
    const bytes = encodeUtf8(text);
    this.head(3, bytes.length);
    this.put(bytes);
  }
}
