// The examples of the README are run, as modules of their own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { FakeServer } from './fake/server.js';
import { WELCOME } from './fake/script.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => String(code));
const wanted = [
  ['connecting|open', 'root/weather/wind { speed: 7.5 } good', '{ speed: 7.5 }', 'closed'],
  ['root/devices/7/events/1 man-down', 'missed 2 to 3 of the normal lane', 'root/devices/7/events/4 cleared'],
  ['200 false', 'queue: 0', 'devices'],
];
assert.equal(examples.length, wanted.length);

for (const [index, code] of examples.entries()) {
  test(`example ${index + 1} of the README runs`, async () => {
    const server = await new FakeServer(['ws', 'sse', 'poll']).start();
    const stop = answering(server);
    const directory = await mkdtemp(join(tmpdir(), 'spica-live-'));
    try {
      const file = join(directory, 'example.mjs');
      const here = new URL('../index.js', import.meta.url).href;
      const made = code
        .replaceAll("'spica-live'", `'${here}'`)
        .replaceAll(/http:\/\/[ab]\.example:8080/g, `${server.url}`)
        .replaceAll('spica_…', 'secret');
      await writeFile(file, made);
      const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 10_000 });
      for (const want of wanted[index] ?? []) assert.match(stdout, new RegExp(want));
    } finally {
      clearInterval(stop);
      server.stop();
      await rm(directory, { recursive: true });
    }
  });
}

/**
 * A server that says something sensible to everything.
 *
 * @param {FakeServer} server
 */
function answering(server) {
  const welcomed = new Set();
  return setInterval(() => {
    for (const session of server.all) {
      session.accept();
      session.accept = () => {};
      if (session.hello && !welcomed.has(session)) {
        welcomed.add(session);
        session.send({ ...WELCOME, time: Date.now() * 1_000 });
      }
      for (const frame of session.inbox.splice(0)) answer(session, frame);
    }
  }, 2);
}

/**
 * @param {import('./fake/server.js').FakeSession} session
 * @param {import('./fake/server.js').Frame} frame
 */
function answer(session, frame) {
  const { t, id, sub } = frame;
  const received = (Date.now() - 100) * 1_000;
  const row = (/** @type {number} */ number, /** @type {string} */ topic, /** @type {number} */ kind, /** @type {unknown} */ value) => [0, 7, topic, 1, 1, number, received, null, 0, kind, 0, value];
  if (t === 'subscribe') {
    session.send({ t: 'subscribed', sub, recovery: 'auto', deliver: 'auto', at: [1, 0, 1, 0], resumed: false });
    if (frame.deliver === 'each') {
      session.send({ t: 'ready', sub, at: [1, 0, 1, 0] });
      session.send({ t: 'data', sub, u: [row(1, 'root/devices/7/events/1', 1, 'man-down')], at: [1, 0, 1, 1] });
      session.send({ t: 'gap', sub, lane: 'normal', from: 2, to: 3, reason: 'queue' });
      session.send({ t: 'data', sub, u: [row(4, 'root/devices/7/events/4', 1, 'cleared')], at: [1, 0, 1, 4] });
    } else {
      session.send({ t: 'data', sub, u: [row(1, 'root/weather/wind', 0, { speed: 7.5 })], at: [1, 0, 1, 1] });
      session.send({ t: 'ready', sub, at: [1, 0, 1, 1] });
    }
  } else if (t === 'ping') session.send({ t: 'pong', id, time: 1 });
  else if (t === 'stats') session.send({ t: 'stats', id, rtt_ms: null, queue: 0 });
  else if (t === 'call') {
    const body = frame.path === '/v1/records' ? { results: [{ position: '1/normal/2', duplicate: false }] } : { devices: [] };
    session.send({ t: 'result', id, status: 200, body });
  }
}
