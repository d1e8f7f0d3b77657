import assert from 'node:assert/strict';
import { test } from 'node:test';
import { age, freshness, millis } from '../../../crates/console/assets/app/core/age.js';
import { matches, topicMatches } from '../../../crates/console/assets/app/core/filter.js';
import { preferred, translate } from '../../../crates/console/assets/app/core/i18n.js';
import { numberAt, pointers } from '../../../crates/console/assets/app/core/numbers.js';
import { may } from '../../../crates/console/assets/app/core/roles.js';
import { link, parse } from '../../../crates/console/assets/app/core/router.js';
import { caseState, rank } from '../../../crates/console/assets/app/core/severity.js';
import { by, byText, inTurn } from '../../../crates/console/assets/app/core/sort.js';
import { store } from '../../../crates/console/assets/app/core/store.js';
import { behind, children } from '../../../crates/console/assets/app/core/tree.js';
import { moved, seen } from '../../../crates/console/assets/app/core/window.js';

test('an age is never said to be more than it is, nor below zero', () => {
  assert.deepEqual(age(0), { value: 0, unit: 'second' });
  assert.deepEqual(age(-5000), { value: 0, unit: 'second' });
  assert.deepEqual(age(119_999), { value: 119, unit: 'second' });
  assert.deepEqual(age(120_000), { value: 2, unit: 'minute' });
  assert.deepEqual(age(7_199_999), { value: 119, unit: 'minute' });
  assert.deepEqual(age(7_200_000), { value: 2, unit: 'hour' });
  assert.deepEqual(age(172_800_000 * 3), { value: 6, unit: 'day' });
});

test('what is not known is unknown, and what came over a lost link is stale', () => {
  assert.equal(freshness({ at: null, now: 10, link: 'open' }), 'unknown');
  assert.equal(freshness({ at: null, now: 10, link: 'lost' }), 'unknown');
  assert.equal(freshness({ at: 9, now: 10, link: 'lost' }), 'stale');
  assert.equal(freshness({ at: 9, now: 10, link: 'open', limit: 1 }), 'fresh');
  assert.equal(freshness({ at: 8, now: 10, link: 'open', limit: 1 }), 'old');
  assert.equal(millis('2026-11-22T15:00:00.123456Z'), Date.UTC(2026, 10, 22, 15, 0, 0, 123));
  assert.equal(millis(''), null);
  assert.equal(millis(undefined), null);
});

test('each word of a search must be somewhere, without case and accents', () => {
  assert.ok(matches('', [null]));
  assert.ok(matches('müller 12', ['0012', 'Anna MULLER']));
  assert.ok(matches('MUELLER', ['Mueller']));
  assert.ok(!matches('anna bob', ['Anna', null, 'x']));
});

test('a filter matches a topic as the node says', () => {
  for (const [filter, topic, is] of [
    ['a/+/c', 'a/b/c', true], ['a/+', 'a/b/c', false], ['a/#', 'a', true], ['a/#', 'a/b/c', true],
    ['#', 'a', true], ['+', 'a/b', false], ['a/b', 'a', false],
  ]) assert.equal(topicMatches(filter, topic), is, `${filter} ${topic}`);
});

test('places come again from their addresses', () => {
  const address = link('topics', ['a b', 'ü/x'], { q: 'one & two', none: '', gone: null });
  assert.equal(address, '#/topics/a%20b/%C3%BC%2Fx?q=one+%26+two');
  assert.deepEqual(parse(address), { page: 'topics', rest: ['a b', 'ü/x'], query: { q: 'one & two' } });
  assert.deepEqual(parse(''), { page: 'overview', rest: [], query: {} });
  assert.deepEqual(parse('#/cases/%zz').rest, ['%zz']);
});

test('texts sort as people expect, what is missing comes last both ways', () => {
  assert.deepEqual(['b10', 'b2', 'B1'].sort(byText), ['B1', 'b2', 'b10']);
  const rows = [{ n: 2, t: 'x' }, { n: null, t: 'a' }, { n: 10, t: 'x' }];
  assert.deepEqual(rows.toSorted(by((r) => r.n)).map((r) => r.n), [2, 10, null]);
  assert.deepEqual(rows.toSorted(by((r) => r.n, 'desc')).map((r) => r.n), [10, 2, null]);
  assert.deepEqual(rows.toSorted(inTurn(by((r) => r.t), by((r) => r.n, 'desc'))).map((r) => r.n), [null, 10, 2]);
});

test('states of cases are those of ISA-18.2', () => {
  const of = (active, acknowledged, closed) => caseState({ active, acknowledged, closed });
  assert.equal(of(true, null, null), 'unacknowledged');
  assert.equal(of(true, {}, null), 'acknowledged');
  assert.equal(of(false, null, null), 'cleared-unacknowledged');
  assert.equal(of(false, {}, null), 'cleared');
  assert.equal(of(false, {}, {}), 'closed');
  assert.ok(rank('emergency') < rank('low') && rank('low') < rank('fantasy'));
});

test('who is not known may do nothing', () => {
  assert.ok(!may(null, 'reader'));
  assert.ok(may('reader', 'reader') && !may('reader', 'operator'));
  assert.ok(may('admin', 'operator') && !may('operator', 'admin'));
});

test('a store tells of changes, not of the same value again', () => {
  const one = store(1);
  let heard = 0;
  const end = one.watch(() => { heard += 1; });
  one.set(1);
  one.set(2);
  one.update((value) => value + 1);
  end();
  one.set(9);
  assert.equal(heard, 2);
  assert.equal(one.watchers(), 0);
});

test('only rows that are seen are drawn, with some to spare', () => {
  assert.deepEqual(seen({ top: 0, height: 100, row: 10, count: 1000, spare: 2 }), { from: 0, to: 14 });
  assert.deepEqual(seen({ top: 5000, height: 100, row: 10, count: 1000, spare: 2 }), { from: 498, to: 512 });
  assert.deepEqual(seen({ top: 99_999, height: 100, row: 10, count: 3 }), { from: 0, to: 3 });
  assert.deepEqual(seen({ top: 0, height: 100, row: 10, count: 0 }), { from: 0, to: 0 });
});

test('keys move within a list and never out of it', () => {
  assert.equal(moved('ArrowDown', 0, 3, 10), 1);
  assert.equal(moved('ArrowUp', 0, 3, 10), 0);
  assert.equal(moved('PageDown', 1, 3, 10), 2);
  assert.equal(moved('End', 0, 3, 10), 2);
  assert.equal(moved('a', 0, 3, 10), null);
  assert.equal(moved('ArrowDown', 0, 0, 10), null);
});

test('numbers are found wherever they stand', () => {
  const value = { a: { 'b/c': 1, '~': [2] }, no: 'x', nan: null };
  assert.deepEqual(pointers(value), ['/a/b~1c', '/a/~0/0']);
  assert.equal(numberAt(value, '/a/b~1c'), 1);
  assert.equal(numberAt(value, '/a/~0/0'), 2);
  assert.equal(numberAt(value, '/no'), null);
  assert.equal(numberAt(value, '/no/such'), null);
  assert.deepEqual(pointers(7), ['']);
  assert.equal(numberAt(7, ''), 7);
});

test('a tree shows what is right below, once, and knows what stands behind a branch', () => {
  const found = children('a', ['a', 'a/b', 'a/b/c', 'a/d/e', 'ab/c']);
  assert.deepEqual([...found.values()], [
    { name: 'b', path: 'a/b', leaf: true, branch: true }, { name: 'd', path: 'a/d', leaf: false, branch: true },
  ]);
  assert.deepEqual([...children('', ['x/y']).keys()], ['x']);
  assert.ok(behind('a/b') > 'a/b/zzz/ä' && behind('a/b') < 'a/b0');
});

test('texts have their places filled and their plurals chosen', () => {
  const texts = { n: '{count} of {name}', 'd.one': '{count} day', 'd.other': '{count} days' };
  assert.equal(translate(texts, 'en', 'n', { count: 1234, name: 'x' }), '1,234 of x');
  assert.equal(translate(texts, 'en', 'd', { count: 1 }), '1 day');
  assert.equal(translate(texts, 'en', 'd', { count: 0 }), '0 days');
  assert.equal(translate(texts, 'en', 'gone'), 'gone');
  assert.equal(preferred(['fr', 'de-CH', 'en']), 'de');
  assert.equal(preferred(['fr']), 'en');
});
