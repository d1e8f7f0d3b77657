// Which endpoint and which way is next, and when; in time that the test moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../src/backoff.js';
import { Endpoints } from '../src/endpoints.js';
import { Ways } from '../src/ways.js';
import { ManualTime } from './manual-time.js';
import { generator, SEED } from './random.js';

const URLS = ['http://a:1', 'http://b:1/', 'http://c:1'];

/** @param {number} [count] */
function some(count = 2) {
  const time = new ManualTime();
  return { time, endpoints: new Endpoints(URLS.slice(0, count), time, new Backoff()) };
}

/** @param {Endpoints} endpoints */
function next(endpoints) {
  const it = endpoints.next();
  assert.ok('endpoint' in it, `must wait ${'wait' in it && it.wait} ms`);
  return it.endpoint;
}

test(`a pause is anything below a bound that doubles up to 30 s (seed ${SEED})`, () => {
  const random = generator(SEED);
  const backoff = new Backoff();
  assert.deepEqual([1, 2, 3, 6, 7, 8, 5_000].map((n) => backoff.bound(n)), [500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
  const pauses = Array.from({ length: 10_000 }, () => backoff.pause(7, random.next()));
  assert.ok(Math.min(...pauses) < 1_000 && Math.max(...pauses) > 29_000 && Math.max(...pauses) < 30_000);
  const mean = pauses.reduce((a, b) => a + b) / pauses.length;
  assert.ok(Math.abs(mean - 15_000) < 500, `full jitter has its mean in the middle, not at ${mean}`);
});

test('endpoints are tried in order, and one that failed comes after the others', () => {
  const { endpoints } = some(3);
  const a = next(endpoints);
  assert.equal(a.url, 'http://a:1');
  endpoints.failed(a);
  const b = next(endpoints);
  assert.equal(b.url, 'http://b:1');
  endpoints.failed(b);
  assert.equal(next(endpoints).url, 'http://c:1');
});

test('when all have failed the oldest failure is tried again after its pause', () => {
  const { time, endpoints } = some(2);
  const a = next(endpoints);
  endpoints.failed(a);
  time.pass(10);
  endpoints.failed(next(endpoints));
  const it = endpoints.next();
  assert.deepEqual(it, { wait: 240 });
  time.pass(240);
  assert.equal(next(endpoints), a);
});

test('a failure is forgotten after ten minutes', () => {
  const { time, endpoints } = some(2);
  const a = next(endpoints);
  endpoints.failed(a);
  time.pass(1_000);
  assert.notEqual(next(endpoints), a);
  time.pass(10 * 60_000);
  assert.equal(next(endpoints), a);
});

test('a pause that the server asked for is kept to, also when the network comes back', () => {
  const { time, endpoints } = some(1);
  endpoints.failed(next(endpoints), 60_000);
  time.pass(59_000);
  endpoints.wake();
  assert.deepEqual(endpoints.next(), { wait: 1_000 });
  time.pass(1_000);
  next(endpoints);
});

test('when the network comes back pauses of our own end', () => {
  const { endpoints } = some(1);
  const a = next(endpoints);
  for (let i = 0; i < 10; i += 1) endpoints.failed(a);
  assert.ok('wait' in endpoints.next());
  endpoints.wake();
  assert.equal(next(endpoints), a);
});

test('a thousand clients that lost their server do not come back at once', () => {
  const random = generator(SEED);
  const second = new Array(31).fill(0);
  for (let client = 0; client < 1_000; client += 1) {
    const { time, endpoints } = some(1);
    time.chance = random.next;
    const a = next(endpoints);
    for (let i = 0; i < 7; i += 1) endpoints.failed(a);
    const it = endpoints.next();
    second['wait' in it ? Math.floor(it.wait / 1_000) : 0] += 1;
  }
  assert.ok(Math.max(...second) < 70, `at most ${Math.max(...second)} in one second`);
});

test('where a server sends to is tried next, once', () => {
  const { endpoints } = some(3);
  const a = next(endpoints);
  endpoints.failed(a);
  assert.ok(endpoints.sendTo('c:1', a));
  assert.equal(next(endpoints).url, 'http://c:1');
  assert.equal(next(endpoints).url, 'http://b:1');
  assert.ok(endpoints.sendTo('http://d:9/', a));
  assert.equal(next(endpoints).url, 'http://d:9');
});

test('nobody is sent to himself, to where one may not go yet, to nonsense, or from TLS to the clear', () => {
  const { endpoints } = some(2);
  const a = next(endpoints);
  assert.ok(!endpoints.sendTo('http://a:1', a));
  endpoints.failed(a, 1_000);
  const b = next(endpoints);
  assert.ok(!endpoints.sendTo('http://a:1', b));
  assert.ok(!endpoints.sendTo('http://[', b));
  assert.ok(!endpoints.sendTo('http://u:p@c:1', b));
  const secure = new Endpoints(['https://a'], new ManualTime(), new Backoff());
  assert.ok(!secure.sendTo('http://b', next(secure)));
  assert.ok(secure.sendTo('b', next(secure)));
  assert.equal(next(secure).url, 'https://b');
});

test('addresses that are none are refused at once', () => {
  const time = new ManualTime();
  for (const urls of [[], ['a:1'], ['ftp://a'], ['http://u:p@a']]) {
    assert.throws(() => new Endpoints(urls, time, new Backoff()), TypeError, String(urls));
  }
});

test('the way that worked stays the only one until it failed three times', () => {
  const ways = new Ways(['ws', 'sse', 'poll'], new ManualTime(), 600_000);
  assert.deepEqual(ways.order(), ['ws', 'sse', 'poll']);
  ways.worked('sse');
  for (let i = 0; i < 3; i += 1) {
    assert.deepEqual(ways.order(), ['sse']);
    ways.failed('sse');
  }
  assert.deepEqual(ways.order(), ['sse', 'ws', 'poll']);
  ways.worked('sse');
  assert.deepEqual(ways.order(), ['sse']);
});

test('WebSocket is tried again after ten minutes', () => {
  const time = new ManualTime();
  const ways = new Ways(['ws', 'sse', 'poll'], time, 600_000);
  ways.worked('poll');
  assert.equal(ways.wsIsDue(), 600_000);
  time.pass(600_000);
  assert.equal(ways.wsIsDue(), 0);
  assert.deepEqual(ways.order(), ['ws', 'sse', 'poll']);
  ways.failed('ws');
  assert.equal(ways.wsIsDue(), 600_000);
  ways.worked('ws');
  assert.equal(ways.wsIsDue(), Infinity);
});

test('a way that brings nothing comes last', () => {
  const ways = new Ways(['sse', 'poll'], new ManualTime(), 600_000);
  ways.worked('sse');
  ways.mute('sse');
  assert.deepEqual(ways.order(), ['poll', 'sse']);
  assert.equal(ways.wsIsDue(), Infinity, 'which is not wanted here');
});

test('a WebSocket that brought nothing is tried again after ten minutes too', () => {
  const time = new ManualTime();
  const ways = new Ways(['ws', 'sse', 'poll'], time, 600_000);
  ways.worked('ws');
  ways.mute('ws');
  assert.deepEqual(ways.order(), ['sse', 'poll', 'ws']);
  ways.worked('sse');
  time.pass(600_000);
  assert.deepEqual(ways.order(), ['ws', 'sse', 'poll']);
});
