// What stands on the wire: vectors that the server passes too, and properties.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeBase64, encodeBase64, utf8Length } from '../src/bytes.js';
import { decodeCbor, encodeCbor } from '../src/cbor.js';
import { binaryDelta, mergePatch, RESULT_BYTES } from '../src/delta.js';
import { MismatchError, ProtocolError } from '../src/errors.js';
import { readMessage, splitFrames, writeMessage } from '../src/frames.js';
import { anyBytes, anyJson, generator, SEED } from './random.js';

const vectors = (/** @type {string} */ name) => {
  const file = new URL(`../../../crates/live-proto/tests/vectors/${name}`, import.meta.url);
  const all = JSON.parse(readFileSync(file, 'utf8'));
  assert.ok(all.length >= 15, `${file} has only ${all.length} vectors`);
  return all;
};
const bytes = (/** @type {string} */ hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (/** @type {Uint8Array} */ it) => Buffer.from(it).toString('hex');

test('a frame of the server says the same in JSON and in CBOR', () => {
  for (const { name, from, json, cbor_hex } of vectors('frames.json')) {
    if (from !== 'server') continue;
    const frame = readMessage(json, 'json');
    assert.ok(frame, name);
    assert.deepEqual(readMessage(bytes(cbor_hex), 'cbor'), frame, name);
  }
});

test('a frame of the client is written as the server reads it', () => {
  for (const { name, from, json, cbor_hex } of vectors('frames.json')) {
    if (from !== 'client') continue;
    const frame = JSON.parse(json);
    assert.equal(JSON.stringify(JSON.parse(String(writeMessage(frame, 'json')))), JSON.stringify(frame), name);
    assert.deepEqual(decodeCbor(/** @type {Uint8Array} */ (writeMessage(frame, 'cbor'))), decodeCbor(bytes(cbor_hex)), name);
  }
});

test('rows bring what was published', () => {
  const { json } = vectors('frames.json').find((/** @type {any} */ it) => it.name === 'server-data-three');
  const frame = readMessage(json, 'json');
  assert.ok(frame?.t === 'data');
  const [full, same, window] = frame.u;
  assert.ok(full?.row === 'full' && same?.row === 'same' && window?.row === 'window');
  assert.deepEqual(full.position, { lane: 'normal', epoch: 3, number: 70_000 });
  assert.deepEqual([full.topic, full.kind, full.contentType], ['plant/pump "1"/ä', 'state', 'application/json']);
  assert.deepEqual([same.id, same.source, same.quality], [7, -1, 'bad']);
  assert.deepEqual([window.value, window.from], [{ mean: 3.5, count: 2, sum: null, min: -1e-9 }, 1795323682000250]);
});

test('binary deltas', () => {
  for (const { name, base_hex, patch_hex, result_hex } of vectors('deltas.json')) {
    const apply = () => binaryDelta(bytes(base_hex), bytes(patch_hex));
    if (result_hex === null) assert.throws(apply, MismatchError, name);
    else assert.equal(hex(apply()), result_hex, name);
  }
});

test('merge patches', () => {
  for (const { base, patch, result } of vectors('merges.json')) {
    const held = JSON.parse(base);
    assert.deepEqual(mergePatch(held, JSON.parse(patch)), JSON.parse(result), `${base} + ${patch}`);
    assert.deepEqual(held, JSON.parse(base), 'the base stays');
  }
});

test(`a merge patch that is made of two values leads from one to the other (seed ${SEED})`, () => {
  const random = generator(SEED);
  for (let i = 0; i < 3_000; i += 1) {
    const [from, to] = [anyJson(random), anyJson(random)];
    const patch = patchOf(from, to);
    // It cannot set a member to null.
    if (patch !== undefined) assert.deepEqual(mergePatch(from, patch), to, JSON.stringify({ from, to }));
  }
});

/**
 * @param {any} from
 * @param {any} to
 * @returns {any} undefined if there is none
 */
function patchOf(from, to) {
  const isObject = (/** @type {any} */ it) => typeof it === 'object' && it !== null && !Array.isArray(it);
  if (!isObject(to)) return to;
  const base = isObject(from) ? from : {};
  const entries = [];
  for (const key of new Set([...Object.keys(base), ...Object.keys(to)])) {
    if (!Object.hasOwn(to, key)) entries.push([key, null]);
    else {
      const patch = to[key] === null ? undefined : patchOf(Object.hasOwn(base, key) ? base[key] : undefined, to[key]);
      if (patch === undefined) return undefined;
      entries.push([key, patch]);
    }
  }
  return Object.fromEntries(entries);
}

test(`a binary delta gives what its operations say (seed ${SEED})`, () => {
  const random = generator(SEED);
  const varint = (/** @type {number} */ n) => {
    const out = [];
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
    return [...out, n];
  };
  for (let i = 0; i < 500; i += 1) {
    const base = anyBytes(random, 400);
    const [delta, want] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
    for (let n = random.below(8); n > 0; n -= 1) {
      if (random.below(2) === 0) {
        const part = anyBytes(random, 200);
        delta.push(...varint(part.length * 2), ...part);
        want.push(...part);
      } else {
        const from = random.below(base.length + 1);
        const length = random.below(base.length - from + 1);
        delta.push(...varint(length * 2 + 1), ...varint(from));
        want.push(...base.subarray(from, from + length));
      }
    }
    assert.equal(hex(binaryDelta(base, Uint8Array.from(delta))), hex(Uint8Array.from(want)));
  }
});

test('a delta cannot ask for more memory than a result may have', () => {
  const base = new Uint8Array(RESULT_BYTES);
  const copyAll = [0x81, 0x80, 0x80, 0x01, 0x00];
  assert.equal(binaryDelta(base, Uint8Array.from(copyAll)).length, RESULT_BYTES);
  assert.throws(() => binaryDelta(base, Uint8Array.from([...copyAll, 0x03, 0x00])), MismatchError);
});

test('a key named __proto__ is a key', () => {
  const patch = JSON.parse('{"__proto__": {"polluted": true}}');
  const result = /** @type {any} */ (mergePatch({ a: 1 }, patch));
  assert.equal(JSON.stringify(result), '{"a":1,"__proto__":{"polluted":true}}');
  assert.equal(result.polluted, undefined);
  const read = /** @type {any} */ (decodeCbor(encodeCbor(patch)));
  assert.deepEqual([Object.keys(read), read.polluted], [['__proto__'], undefined]);
});

test(`CBOR reads what it writes (seed ${SEED})`, () => {
  const random = generator(SEED);
  for (let i = 0; i < 2_000; i += 1) {
    const value = random.below(4) === 0 ? [anyBytes(random, 300), anyJson(random)] : anyJson(random);
    assert.deepEqual(decodeCbor(encodeCbor(value)), value);
  }
  for (const n of [23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, -1, -24, -25, -257]) {
    assert.equal(decodeCbor(encodeCbor(n)), n);
  }
});

test('CBOR in forms that we do not write is read: short floats, long integers', () => {
  const cases = /** @type {const} */ ([['f93c00', 1], ['f9c400', -4], ['f90001', 2 ** -24], ['f97c00', Infinity], ['fa47c35000', 100_000], ['1b0000000000000001', 1], ['f4', false], ['f6', null]]);
  for (const [it, value] of cases) assert.equal(decodeCbor(bytes(it)), value, it);
});

test('CBOR that is not what the protocol needs is refused', () => {
  const bad = ['', '18', '1c', '5f41004100ff', '9f01ff', 'bf616101ff', 'c000', 'f7', 'f820', 'a10101', 'a2616101616102', '62ff00', '0000', '9affffffff', 'bb00ffffffffffffff', `${'81'.repeat(200)}00`];
  for (const it of bad) assert.throws(() => decodeCbor(bytes(it)), ProtocolError, it);
});

test(`damaged CBOR is refused or read, and nothing else (seed ${SEED})`, () => {
  const random = generator(SEED);
  for (let i = 0; i < 5_000; i += 1) {
    const message = encodeCbor({ t: 'data', u: [anyJson(random)], b: anyBytes(random, 20) });
    for (let n = random.below(4); n >= 0; n -= 1) message[random.below(message.length)] = random.below(256);
    try {
      decodeCbor(message.subarray(0, random.below(message.length + 1)));
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }
});

test('the frames of an answer keep the length they were written with', () => {
  const frames = ['{"t":"data","x":[1.0, "],}{\\"" ]}', '{ "frames": [1] }', '{"t":"beat","time":1e3}'];
  const answer = ` { "x" : {"frames":[7]}, "next" : 3 , "frames" : [ ${frames.join(' ,\n')} ] , "y":[1,2] } `;
  assert.deepEqual(splitFrames(answer), frames);
  assert.deepEqual(splitFrames('{"next":0,"frames":[]}'), []);
});

test(`the length of a text and base64 are those of Node (seed ${SEED})`, () => {
  const random = generator(SEED);
  for (const text of ['', 'a', 'grüß', '\u{1F600}x', '\ud800', 'a\udc00b', '€']) {
    assert.equal(utf8Length(text), Buffer.byteLength(text), JSON.stringify(text));
  }
  for (const length of [0, 1, 2, 3, 100, 20_000]) {
    const it = anyBytes(random, length);
    assert.equal(encodeBase64(it), Buffer.from(it).toString('base64'));
    assert.equal(hex(decodeBase64(encodeBase64(it))), hex(it));
  }
});
