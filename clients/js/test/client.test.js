// What the contract does not say: iterators and credit, moving to a WebSocket, errors of the
// application, time.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect, LiveError } from '../index.js';
import { Credit } from '../src/credit.js';
import { Feed, WAITING } from '../src/feed.js';
import { Session } from '../src/session.js';
import { Subscription } from '../src/subscription.js';
import { Events } from '../src/transports/sse.js';
import { FakeServer } from './fake/server.js';
import { heard, open, until } from './fake/wait.js';

/**
 * @param {(server: FakeServer, client: import('../index.js').Client) => Promise<void>} run
 * @param {Partial<import('../src/client.js').Options>} [options]
 * @param {string[]} [ways]
 */
async function withClient(run, options = {}, ways = ['ws', 'sse', 'poll']) {
  const server = await new FakeServer(ways).start();
  const backoff = { base_ms: 5, cap_ms: 10 };
  const client = connect({ endpoints: `${server.url}`, token: 'secret', backoff, ...options });
  try {
    await run(server, client);
  } finally {
    client.close();
    server.stop();
  }
}

/** @param {number} number @param {string} topic @param {number} kind @param {unknown} value */
const row = (number, topic, kind, value) => [0, topic.charCodeAt(0), topic, 1, 1, number, 10, null, 0, kind, 0, value];
/** @param {number} number @returns {[number, number, number, number]} */
const at = (number) => [1, 0, 1, number];

/** @param {FakeServer} server */
async function subscribed(server) {
  const session = await open(server);
  const { sub } = await heard(session, 'subscribe');
  session.send({ t: 'subscribed', sub, recovery: 'auto', deliver: 'auto', at: at(0), resumed: false });
  session.send({ t: 'ready', sub, at: at(0) });
  return { session, sub };
}

test('an iterator conflates values, keeps events, and gives credit for what was taken', () =>
  withClient(
    async (server, client) => {
      const subscription = client.subscribe('#');
      const events = subscription[Symbol.asyncIterator]();
      const { session, sub } = await subscribed(server);
      assert.equal((await events.next()).value.type, 'ready');
      for (let n = 1; n <= 20; n += 1) {
        session.send({ t: 'data', sub, u: [row(n, 'a', 0, n), row(n + 100, 'e', 1, n)], at: at(n) });
      }
      await until(() => subscription.values.get('a')?.value === 20);
      // Whoever takes nothing gives no credit: not for one frame, as each has an event in it.
      assert.equal(session.given, 0);
      const got = [];
      for (let n = 0; n < 21; n += 1) got.push((await events.next()).value);
      const isState = (/** @type {any} */ it) => it.kind === 'state';
      assert.deepEqual(got.filter(isState).map((it) => it.value), [20], 'only the newest waits');
      assert.deepEqual(got.filter((it) => !isState(it)).map((it) => it.value), Array.from({ length: 20 }, (_, i) => i + 1));
      void events.next();
      // It comes in several frames, each for what was taken before.
      await until(() => session.given > session.dataBytes - 200);
      assert.ok(session.given <= session.dataBytes, `${session.given}`);
    },
    { credit: 200 },
  ));

test('a listener that answers with a promise is waited for before credit is given', () =>
  withClient(
    async (server, client) => {
      let done = () => {};
      client.subscribe('#', (event) => (event.type === 'update' ? new Promise((tell) => (done = () => tell(null))) : null));
      const { session, sub } = await subscribed(server);
      session.send({ t: 'data', sub, u: [row(1, 'e', 1, 'x'.repeat(300))], at: at(1) });
      await client.ping().catch(() => {});
      assert.equal(session.given, 0);
      done();
      await until(() => session.given === session.dataBytes);
    },
    { credit: 300, timeout_ms: 50 },
  ));

test('who leaves an iterator holds nothing back', () =>
  withClient(
    async (server, client) => {
      const subscription = client.subscribe('#');
      const events = subscription[Symbol.asyncIterator]();
      const { session, sub } = await subscribed(server);
      session.send({ t: 'data', sub, u: [row(1, 'e', 1, 'x'.repeat(300)), row(2, 'f', 1, 1)], at: at(2) });
      for await (const event of events) if (event.type === 'update') break;
      await until(() => session.given === session.dataBytes);
    },
    { credit: 300 },
  ));

test('an iterator has a limit, and says so', async () => {
  const feed = new Feed(() => {});
  const credit = new Credit(1, () => {});
  const parcel = credit.parcel(10);
  for (let n = 0; n <= WAITING; n += 1) feed.push({ type: 'ready' }, parcel, false);
  parcel.release();
  assert.equal(parcel.holders, 0, 'nothing is held any more');
  await assert.rejects(feed.next(), (error) => error instanceof LiveError && error.code === 'overflow');
  assert.ok((await feed.next()).done);
});

test('an iterator ends with its subscription, after what it has', () =>
  withClient(async (server, client) => {
    const subscription = client.subscribe('#');
    const events = subscription[Symbol.asyncIterator]();
    const { session, sub } = await subscribed(server);
    session.send({ t: 'ended', sub, code: 'lost', detail: 'gone' });
    const types = [];
    for await (const event of events) types.push(event.type);
    assert.deepEqual(types, ['ready', 'ended']);
    assert.ok((await subscription[Symbol.asyncIterator]().next()).done);
  }));

test('where another way is in use a WebSocket takes over when there is one, and nothing is lost', () =>
  withClient(
    async (server, client) => {
      const states = /** @type {string[]} */ ([]);
      client.on('state', ({ state }) => void states.push(state));
      const subscription = client.subscribe('#');
      const { session, sub } = await subscribed(server);
      session.send({ t: 'data', sub, u: [row(1, 'a', 0, 1)], at: at(1) });
      await until(() => subscription.values.size === 1);
      assert.equal(client.way, 'sse');
      server.ways = ['ws', 'sse', 'poll'];
      const moved = await open(server);
      assert.equal(moved.kind, 'ws');
      const again = await heard(moved, 'subscribe');
      assert.deepEqual(again.after, at(1));
      await until(() => session.over, 'the end of the old session');
      moved.send({ t: 'subscribed', sub: again.sub, recovery: 'auto', deliver: 'auto', at: at(1), resumed: true });
      moved.send({ t: 'data', sub: again.sub, u: [row(2, 'a', 0, 2)], at: at(2) });
      await until(() => subscription.values.get('a')?.value === 2);
      assert.deepEqual([client.way, states], ['ws', ['open']]);
    },
    { retry_ws_after_ms: 50 },
    ['sse', 'poll'],
  ));

test('an error of the application is told, and the client goes on', () =>
  withClient(async (server, client) => {
    const errors = /** @type {unknown[]} */ ([]);
    client.on('error', (error) => void errors.push(error));
    const subscription = client.subscribe('#', ({ type }) => {
      if (type === 'update') throw new Error('of the application');
    });
    const { session, sub } = await subscribed(server);
    session.send({ t: 'data', sub, u: [row(1, 'a', 0, 1), row(2, 'b', 0, 2)], at: at(2) });
    await until(() => subscription.values.size === 2);
    assert.deepEqual(errors.map(String), ['Error: of the application', 'Error: of the application']);
    assert.equal(client.state, 'open');
  }));

test('a publish that the server could not do now is done again with the same key', () =>
  withClient(async (server, client) => {
    const session = await open(server);
    const result = client.publish('root/raw', new Uint8Array([1, 2]), { kind: 'event', class: 'critical' });
    const first = await heard(session, 'call');
    session.send({ t: 'result', id: first.id, status: 503, body: { type: 'urn:spica:problem:journal-full' } });
    const second = await heard(session, 'call');
    assert.deepEqual(second.body, first.body);
    assert.deepEqual([second.body[0].base64, second.body[0].kind, second.body[0].class], ['AQI=', 'event', 'critical']);
    session.send({ t: 'result', id: second.id, status: 200, body: { results: [] } });
    assert.equal((await result).status, 200);
  }));

test('a call that is longer than the server takes fails at once', () =>
  withClient(async (server, client) => {
    const session = await open(server, { max_frame: 1_000 });
    await until(() => client.state === 'open');
    await assert.rejects(client.publish('root/a', 'x'.repeat(1_000)), /server takes 1000/);
    assert.equal(session.inbox.length, 0);
  }));

test('stats and the round trip are asked of the server', () =>
  withClient(async (server, client) => {
    const session = await open(server);
    const stats = client.stats();
    const { id } = await heard(session, 'stats');
    session.send({ t: 'stats', id, rtt_ms: 1.5, queue: 3, dropped: { queue: 2 } });
    const all = /** @type {any} */ (await stats);
    assert.deepEqual([all.rtt_ms, all.queue, all.dropped, all.client.way], [1.5, 3, { queue: 2 }, 'ws']);
    const ping = client.ping();
    session.send({ t: 'pong', id: (await heard(session, 'ping')).id, time: 9 });
    assert.ok((await ping) >= 0);
  }));

test('the age of a value is by the clock of the node', () =>
  withClient(async (server, client) => {
    const subscription = client.subscribe('#');
    const session = await open(server, { time: (Date.now() - 3_600_000) * 1_000 });
    const { sub } = await heard(session, 'subscribe');
    const received = (Date.now() - 3_605_000) * 1_000;
    const u = [[0, 1, 'a', 1, 1, 1, received, null, 0, 0, 0, 1]];
    session.send({ t: 'subscribed', sub, recovery: 'auto', deliver: 'auto', at: at(0), resumed: false });
    session.send({ t: 'data', sub, u, at: at(1) });
    await until(() => subscription.values.size === 1);
    const age = Number(subscription.age('a'));
    assert.ok(age > 4_000 && age < 7_000, `${age}`);
    assert.equal(subscription.age('b'), null);
  }));

test('a token may be asked for each time, and who has none is asked again', () => {
  let asked = 0;
  const token = async () => {
    asked += 1;
    if (asked === 1) throw new Error('not yet');
    return 'secret';
  };
  return withClient(
    async (server, client) => {
      client.on('error', () => {});
      const session = await open(server);
      assert.equal(session.hello?.token, 'secret');
      session.cut();
      await open(server);
      assert.ok(asked >= 3);
    },
    { token },
  );
});

test('no token stands in an address, and over HTTP it is in a header', () =>
  withClient(
    async (server) => {
      await open(server);
      for (const { url, headers } of server.requests) {
        assert.ok(!url?.includes('secret'));
        assert.equal(headers.authorization, 'Bearer secret');
      }
    },
    { transports: ['poll'] },
  ));

test('after it was closed a client does nothing', () =>
  withClient(async (server, client) => {
    const subscription = client.subscribe('#');
    const call = client.call('GET', '/v1/tree');
    const ready = subscription.whenReady();
    client.close();
    await assert.rejects(call, /closed/);
    await assert.rejects(ready, /over/);
    await assert.rejects(client.call('GET', '/v1/tree'), /closed/);
    assert.throws(() => client.subscribe('#'), /closed/);
    client.close();
  }));

test('a device that slept sees at once that its connection is dead', async () => {
  // The timer comes late, and nothing was heard meanwhile.
  const time = { ms: 1_000_000, now: () => time.ms, random: () => 0, timers: /** @type {(() => void)[]} */ ([]), after: (/** @type {number} */ _, /** @type {() => void} */ then) => (time.timers.push(then), () => {}) };
  const server = await new FakeServer(['ws']).start();
  const session = new Session({
    url: `${server.url}`,
    way: 'ws',
    encoding: 'json',
    hello: { t: 'hello' },
    token: 'secret',
    credit: 0,
    openMs: 5_000,
    time,
    frame: () => {},
  });
  try {
    await open(server, { heartbeat_ms: 10_000 });
    assert.ok(await session.opened);
    time.ms += 24_000;
    time.timers.at(-1)?.();
    assert.ok(!session.over, 'not yet');
    time.ms += 3 * 3_600_000;
    time.timers.at(-1)?.();
    assert.equal((await session.ended).reason, 'silence');
  } finally {
    session.close();
    server.stop();
  }
});

test('events are read however they are cut', () => {
  const stream = ': hello\r\n\r\nid: 1\ndata: {"a":1}\n\nid: 2\r\ndata: x\r\ndata:  y\r\n\r\ndata: z\rdata\r\rid: 9\ndata: half';
  for (let size = 1; size < stream.length; size += 1) {
    const events = new Events();
    const got = [];
    for (let from = 0; from < stream.length; from += size) got.push(...events.push(stream.slice(from, from + size)));
    assert.deepEqual(got, ['{"a":1}', 'x\n y', 'z\n'], `in pieces of ${size}`);
    assert.equal(events.lastId, '2');
    events.begin();
    assert.deepEqual(events.push('data: whole\n\n'), ['whole']);
  }
});

test('where deltas never fit none are asked for, and where that does not help it is an error', () => {
  const sent = /** @type {any[]} */ ([]);
  let [last, now] = [0, 0];
  const subscription = new Subscription(
    {
      send: (frame) => void sent.push(frame),
      number: () => (last += 1),
      forget: () => {},
      leave: () => {},
      failed: (error) => assert.fail(String(error)),
      serverNow: () => 0,
      now: () => now,
    },
    '#',
    {},
    undefined,
  );
  subscription.begin();
  const position = /** @type {const} */ ({ lane: 'normal', epoch: 1, number: 2 });
  /** @type {import('../src/rows.js').Row} */
  const same = { row: 'same', id: 1, position, received: 1, source: null, quality: 'good' };
  const misfit = () => subscription.frame({ t: 'data', sub: subscription.sub, u: [same], at: at(1) }, null);
  for (let n = 0; n < 6; n += 1) misfit();
  const deltas = sent.filter(({ t }) => t === 'subscribe').map(({ delta }) => delta);
  assert.deepEqual(deltas, [undefined, undefined, undefined, false, false, false, false]);
  assert.throws(misfit, /never fit/);
  now += 60_001;
  misfit();
  assert.equal(sent.at(-1).delta, undefined, 'a minute later it may be tried again');
});

test('what a call was stays so, whatever becomes of its body', () =>
  withClient(async (server, client) => {
    const session = await open(server);
    const body = { n: 1 };
    const result = client.call('PUT', '/v1/devices/1', body);
    body.n = 2;
    assert.deepEqual((await heard(session, 'call')).body, { n: 1 });
    session.cut();
    const next = await open(server);
    const again = await heard(next, 'call');
    assert.deepEqual(again.body, { n: 1 });
    next.send({ t: 'result', id: again.id, status: 204 });
    assert.deepEqual(await result, { status: 204, body: null });
  }));

test('what is no JSON fails where it is given', () =>
  withClient(async (_, client) => {
    assert.throws(() => client.subscribe('#', /** @type {any} */ ({ max_queue: 1n })), TypeError);
    assert.throws(() => client.subscribe('#', /** @type {any} */ ({ after: [1, 2] })), /no place/);
    await assert.rejects(client.call('POST', '/v1/x', 1n), TypeError);
  }));

test('a browser can load it: nothing of Node.js is imported before it is needed', () => {
  const seen = new Set();
  const crawl = (/** @type {URL} */ file) => {
    if (seen.has(file.href)) return;
    seen.add(file.href);
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^;]*? from '([^']+)'/gms)) {
      assert.match(String(name), /^\.{1,2}\/.*\.js$/, file.href);
      crawl(new URL(String(name), file));
    }
  };
  crawl(new URL('../index.js', import.meta.url));
  assert.ok(seen.size > 20 && ![...seen].some((it) => it.includes('node-socket')), [...seen].join());
});
