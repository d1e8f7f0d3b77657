// Against the real program, by every way: what is, what changes, and what was missed while the node
// was killed. Wants SPICA_BIN.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../index.js';

const BINARY = process.env.SPICA_BIN;
const DEADLINE_MS = 20_000;

/** @param {() => any} condition @param {string} what */
async function until(condition, what) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}

/** A node with its own directory, which can be killed and started again. */
class Node {
  /** @type {import('node:child_process').ChildProcess | null} */
  process = null;
  token = '';

  async begin() {
    this.directory = mkdtempSync(join(tmpdir(), 'spica-live-'));
    this.url = `http://127.0.0.1:${await freePort()}`;
    const config = [
      '[node]',
      `data_dir = "${join(this.directory, 'data')}"`,
      '[http]',
      `listen = "${this.url.slice('http://'.length)}"`,
      '[identicom]',
      'listen = "127.0.0.1:0"',
    ];
    writeFileSync(join(this.directory, 'spica.toml'), config.join('\n'));
    await this.start();
    this.token = readFileSync(join(this.directory, 'token'), 'utf8').trim();
    return this;
  }

  async start() {
    const directory = String(this.directory);
    const log = openSync(join(directory, 'log'), 'a');
    const args = ['serve', '--config', join(directory, 'spica.toml')];
    const secret = join(directory, 'token');
    if (!existsSync(secret)) args.push('--admin-token-file', secret);
    const child = spawn(String(BINARY), args, { stdio: ['ignore', 'ignore', log] });
    this.process = child;
    // A test that is broken off leaves nothing behind.
    process.once('exit', () => child.kill('SIGKILL'));
    const ready = async () => {
      if (this.process?.exitCode !== null) throw new Error(readFileSync(join(directory, 'log'), 'utf8'));
      return existsSync(secret) && fetch(`${this.url}/health/active`).then((it) => it.ok, () => false);
    };
    await until(ready, 'the node');
  }

  async kill() {
    const exit = once(/** @type {import('node:child_process').ChildProcess} */ (this.process), 'exit');
    this.process?.kill('SIGKILL');
    await exit;
  }

  /** @param {string} topic @param {unknown} value @param {string} [kind] */
  async publish(topic, value, kind = 'state') {
    const answer = await fetch(`${this.url}/v1/topics/${topic}?kind=${kind}`, {
      method: 'POST',
      body: JSON.stringify(value),
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
    });
    assert.equal(answer.status, 201, await answer.text());
  }

  async end() {
    await this.kill();
    rmSync(String(this.directory), { recursive: true });
  }
}

const document = () => Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`field-${i}`, `a text of ${i} and some more`]));

const WAYS = /** @type {const} */ ([['ws', 'json'], ['ws', 'cbor'], ['sse', 'json'], ['poll', 'json']]);
for (const [transport, encoding] of WAYS) {
  const skip = BINARY ? false : 'SPICA_BIN is not set';
  test(`a killed node costs nothing but time (${transport}, ${encoding})`, { skip, timeout: 60_000 }, async () => {
    const node = await new Node().begin();
    const client = connect({
      endpoints: `${node.url}`,
      token: node.token,
      transports: [transport],
      encoding,
      backoff: { base_ms: 50, cap_ms: 200 },
    });
    try {
      await follow(node, client);
    } catch (error) {
      const failure = JSON.stringify(client.lastFailure);
      throw new Error(`${client.state}, last failure ${failure}: ${/** @type {Error} */ (error).message}`, { cause: error });
    } finally {
      client.close();
      await node.end();
    }
  });
}

test('who takes nothing for a while gets everything later', { skip: BINARY ? false : 'SPICA_BIN is not set', timeout: 60_000 }, async () => {
  const node = await new Node().begin();
  const client = connect({ endpoints: `${node.url}`, token: node.token, credit: 2_000 });
  try {
    await until(() => client.welcome, 'a welcome');
    const topic = `${client.welcome?.node}/test/each`;
    const subscription = client.subscribe(topic, { deliver: 'each', recovery: 'precise', snapshot: false });
    const events = subscription[Symbol.asyncIterator]();
    await until(() => subscription.recovery, 'the subscription');
    const texts = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(100)}`);
    for (const text of texts) await client.publish(topic, text, { kind: 'event' });
    const { client: own } = /** @type {any} */ (await client.stats());
    assert.ok(own.bytes < 30_000, `no more than its credit, and the answers: ${own.bytes}`);
    const got = [];
    while (got.length < texts.length) {
      const { value: event } = await events.next();
      if (event.type === 'update') got.push(event.value);
      else assert.equal(event.type, 'ready');
    }
    assert.deepEqual(got, texts);
  } finally {
    client.close();
    await node.end();
  }
});

/**
 * @param {Node} node
 * @param {import('../index.js').Client} client
 */
async function follow(node, client) {
  await until(() => client.welcome, 'a welcome');
  const root = `${client.welcome?.node}/test`;
  await node.publish(`${root}/before`, { n: 0 });
  const view = client.subscribe(`${root}/#`, { kinds: 'state' });
  await view.whenReady();
  assert.deepEqual(view.values.get(`${root}/before`)?.value, { n: 0 });

  // Values, and what changes in them.
  const first = await client.publish(`${root}/document`, document(), { key: 'one' });
  assert.equal(first.status, 200, JSON.stringify(first.body));
  const again = await client.publish(`${root}/document`, document(), { key: 'one' });
  assert.equal(again.body.results[0].duplicate, true);
  await until(() => view.values.has(`${root}/document`), 'the document');
  const changed = { ...document(), 'field-7': 'changed' };
  await client.publish(`${root}/document`, changed);
  await until(() => view.values.get(`${root}/document`)?.value['field-7'] === 'changed', 'the change');
  assert.deepEqual(view.values.get(`${root}/document`)?.value, changed);
  const bytes = Uint8Array.from({ length: 3_000 }, (_, i) => (i * i) % 251);
  for (const at of [10, 2_000]) {
    bytes[at] = 255;
    await client.publish(`${root}/bytes`, bytes);
    await until(() => view.values.get(`${root}/bytes`)?.value[at] === 255, 'the bytes');
    assert.deepEqual(view.values.get(`${root}/bytes`)?.value, bytes);
  }
  const stats = /** @type {any} */ (await client.stats());
  assert.ok(stats.bytes_full - stats.bytes_sent > 2_000, `deltas save something: ${JSON.stringify(stats)}`);

  // Events, each once, over the death of the node.
  /** @type {unknown[]} */
  const seen = [];
  const events = client.subscribe(`${root}/events`, { kinds: 'event', deliver: 'each', recovery: 'gap', snapshot: false }, (event) => {
    seen.push(event.type === 'update' ? event.value : event.type);
  });
  await until(() => events.recovery, 'the subscription to events');
  for (let n = 1; n <= 3; n += 1) await node.publish(`${root}/events`, n, 'event');
  await until(() => seen.includes(3), 'the events');
  const { engine } = /** @type {{ engine: string }} */ (client.welcome);
  await node.kill();
  await until(() => view.stale && events.stale, 'staleness');
  assert.equal(view.values.size, 3, 'what is held stays, and is called stale');
  await node.start();
  for (let n = 4; n <= 6; n += 1) await node.publish(`${root}/events`, n, 'event');
  await node.publish(`${root}/after`, { n: 1 });
  await until(() => seen.includes(6) && view.values.has(`${root}/after`) && !view.stale, 'what was missed');
  assert.deepEqual(seen.filter((it) => it !== 'ready'), [1, 2, 3, 4, 5, 6]);
  assert.notEqual(client.welcome?.engine, engine);
  assert.deepEqual(view.values.get(`${root}/document`)?.value, changed);

  // Changes go on, and an end is an end.
  await client.publish(`${root}/document`, { small: true });
  await until(() => view.values.get(`${root}/document`)?.value.small, 'a change');
  await client.call('DELETE', `/v1/topics/${root}/document`);
  await until(() => !view.values.has(`${root}/document`), 'the deletion');
}
