// A hostile server: nothing that it says may throw out of the client, hang it, or be taken for sense.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect } from '../index.js';
import { ProtocolError } from '../src/errors.js';
import { readMessage } from '../src/frames.js';
import { Subscription } from '../src/subscription.js';
import { toCbor } from './fake/cbor-rows.js';
import { FakeServer } from './fake/server.js';
import { open, until } from './fake/wait.js';
import { anyJson, generator, SEED } from './random.js';

const file = new URL('../../../crates/live-proto/tests/vectors/frames.json', import.meta.url);
/** @type {{ from: string, json: string, cbor_hex: string }[]} */
const frames = JSON.parse(readFileSync(file, 'utf8')).filter((/** @type {any} */ it) => it.from === 'server');
assert.ok(frames.length >= 20);

/**
 * A frame in which something is changed: a byte, a member, an element, or its end.
 *
 * @param {import('./random.js').Random} random
 * @param {'json' | 'cbor'} encoding
 * @returns {string | Uint8Array}
 */
function damaged(random, encoding) {
  const frame = random.one(frames);
  if (random.below(2) === 0) {
    const changed = change(random, JSON.parse(frame.json));
    if (encoding === 'json') return JSON.stringify(changed);
    try {
      return toCbor(changed);
    } catch {
      // What is so broken that a fake server cannot write it is tried as bytes.
    }
  }
  const bytes = encoding === 'json' ? Buffer.from(frame.json) : Buffer.from(frame.cbor_hex, 'hex');
  for (let n = random.below(3); n >= 0; n -= 1) bytes[random.below(bytes.length)] = random.below(256);
  const part = bytes.subarray(0, random.below(4) === 0 ? random.below(bytes.length) : bytes.length);
  return encoding === 'json' ? part.toString('utf8') : new Uint8Array(part);
}

/**
 * @param {import('./random.js').Random} random
 * @param {any} value
 * @returns {any}
 */
function change(random, value) {
  // A number that is a little different is a frame that can be read, and says something wrong.
  if (typeof value === 'number' && random.below(4) > 0) return Math.abs(value + random.below(3) - 1);
  if (typeof value !== 'object' || value === null || random.below(12) === 0) return anyJson(random);
  const keys = Object.keys(value);
  if (keys.length === 0) return anyJson(random);
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const key = random.one(keys);
  if (random.below(8) === 0) delete copy[key];
  else copy[key] = change(random, copy[key]);
  return copy;
}

for (const encoding of /** @type {const} */ (['json', 'cbor'])) {
  test(`damaged frames are read, ignored or refused (${encoding}, seed ${SEED})`, () => {
    const random = generator(SEED);
    const counts = { read: 0, refused: 0 };
    for (let i = 0; i < 20_000; i += 1) {
      const subscription = new Subscription(port(), '#', {}, undefined);
      subscription.begin();
      try {
        for (let n = 0; n < 4; n += 1) {
          const frame = readMessage(damaged(random, encoding), encoding);
          if (frame && 'sub' in frame && frame.t !== 'refused') {
            subscription.frame(/** @type {import('../src/frames.js').OfSubscription} */ (frame), null);
          }
          counts.read += 1;
        }
      } catch (error) {
        assert.ok(error instanceof ProtocolError, `${error instanceof Error ? error.stack : error}`);
        counts.refused += 1;
      }
    }
    assert.ok(counts.read > 500 && counts.refused > 500, JSON.stringify(counts));
  });
}

/** @returns {import('../src/subscription.js').Port} */
function port() {
  let last = 0;
  return {
    send: () => {},
    number: () => (last += 1),
    forget: () => {},
    leave: () => {},
    failed: (error) => assert.fail(String(error)),
    serverNow: () => 0,
    now: () => 0,
  };
}

for (const [transport, encoding] of /** @type {const} */ ([['ws', 'json'], ['ws', 'cbor'], ['sse', 'json'], ['poll', 'json']])) {
  test(`a client of a hostile server goes on (${transport}, ${encoding}, seed ${SEED})`, { timeout: 30_000 }, async () => {
    const random = generator(SEED);
    const server = await new FakeServer(['ws', 'sse', 'poll']).start();
    const client = connect({
      endpoints: `${server.url}`,
      token: 'secret',
      transports: [transport],
      encoding,
      backoff: { base_ms: 1, cap_ms: 2 },
    });
    /** @type {string[]} */
    const reasons = [];
    client.on('error', () => {});
    client.on('state', ({ state, reason }) => void (state === 'lost' && reasons.push(String(reason))));
    client.subscribe('#');
    try {
      for (let i = 0; i < 60; i += 1) {
        const session = await open(server);
        for (let n = 0; n < 5; n += 1) session.sendRaw(damaged(random, encoding));
        // Whatever it made of that, a message that is none ends the connection.
        session.sendRaw(encoding === 'json' ? 'none' : new Uint8Array([0xff]));
        await until(() => reasons.length > i);
      }
      assert.ok(reasons.filter((it) => it === 'protocol').length > 30, reasons.join());
      const last = await open(server);
      await until(() => last.inbox.some((frame) => frame.t === 'subscribe'));
      assert.equal(client.state, 'open');
    } finally {
      client.close();
      server.stop();
    }
  });
}
