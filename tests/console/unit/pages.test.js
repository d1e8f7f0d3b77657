import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as metrics from '../../../crates/console/assets/app/core/metrics.js';
import * as audit from '../../../crates/console/assets/app/pages/audit/model.js';
import * as cases from '../../../crates/console/assets/app/pages/cases/model.js';
import * as devices from '../../../crates/console/assets/app/pages/devices/model.js';
import * as handlers from '../../../crates/console/assets/app/pages/handlers/model.js';
import * as overview from '../../../crates/console/assets/app/pages/overview/model.js';
import * as stations from '../../../crates/console/assets/app/pages/stations/model.js';
import * as topics from '../../../crates/console/assets/app/pages/topics/model.js';
import * as users from '../../../crates/console/assets/app/pages/users/model.js';

const one = (id, change) => ({
  id, source: 'devices/1', condition: 'man-down', severity: 'high', state: 'unacknowledged', text: 'Man down', name: 'Anna',
  customer: null, active: true, quiet: false, last_raised_at: `2026-01-01T00:00:0${id}Z`, acknowledged: null, confirmed: null, closed: null, ...change,
});

test('the board shows the worst first, then what nobody has taken, then what waits longest', () => {
  const all = [
    one('1', { severity: 'low' }), one('2', { state: 'acknowledged', acknowledged: {} }), one('3'), one('4'),
    one('5', { severity: 'emergency', quiet: true }), one('6', { severity: 'emergency' }), one('7', { state: 'closed', closed: {} }),
  ];
  const ids = (filter) => cases.chosen(all, { search: '', severity: '', state: '', ...filter }).map((c) => c.id);
  assert.deepEqual(ids({}), ['6', '5', '3', '4', '2', '1']);
  assert.deepEqual(ids({ state: 'closed' }), ['7']);
  assert.deepEqual(ids({ state: 'quiet' }), ['5']);
  assert.deepEqual(ids({ severity: 'low' }), ['1']);
  assert.deepEqual(ids({ search: 'nobody' }), []);
  assert.deepEqual(cases.counts(all).emergency, { unacknowledged: 2 });
});

test('what is offered follows the life of a case, and the role', () => {
  const names = (change, condition = null, role = 'operator') => cases.actions(one('1', change), condition, role).map((a) => a.name);
  assert.deepEqual(names({}, null, 'reader'), []);
  assert.deepEqual(names({}, null, null), []);
  assert.deepEqual(names({}).slice(0, 2), ['acknowledge', 'clear']);
  assert.ok(!names({}).includes('close'));
  assert.deepEqual(names({ acknowledged: {}, state: 'cleared', active: false }).slice(0, 2), ['confirm', 'close']);
  assert.deepEqual(names({ state: 'closed', closed: {} }), ['shelve', 'suppress', 'out-of-service']);
  assert.ok(names({}, { shelved: {}, suppressed: {}, out_of_service: {} }).join().includes('unshelve,unsuppress,in-service'));
  const keys = cases.actions(one('1'), null, 'admin').map((a) => a.key).filter(Boolean);
  assert.equal(new Set(keys).size, keys.length, 'a key does one thing');
});

test('a device is overdue when its check-in is missed, unless it is disabled', () => {
  const device = (change) => ({ serial: '1', enabled: true, missed_at: '2026-01-01T00:00:00Z', last_check_in: '2025-12-31T23:00:00Z', ...change });
  const [before, after] = [Date.UTC(2025, 11, 31), Date.UTC(2026, 0, 2)];
  assert.equal(devices.standing(device(), before), 'heard');
  assert.equal(devices.standing(device(), after), 'overdue');
  assert.equal(devices.standing(device({ enabled: false }), after), 'disabled');
  assert.equal(devices.standing(device({ missed_at: null, last_check_in: null }), after), 'never');
});

test('a thousand devices are found and sorted', () => {
  const all = Array.from({ length: 1200 }, (_, at) => ({ serial: String(at), name: `Worker ${at}`, enabled: true, missed_at: null, last_check_in: at % 2 ? `2026-01-01T00:${String(at % 60).padStart(2, '0')}:00Z` : null }));
  const ask = (change) => devices.chosen(all, 0, { search: '', standing: '', sort: 'serial', direction: 'asc', ...change }).map((d) => d.serial);
  assert.deepEqual(ask({ search: 'worker 119' }).slice(0, 3), ['119', '1119', '1190']);
  assert.equal(ask({})[2], '2');
  assert.equal(ask({ direction: 'desc' })[0], '1199');
  assert.equal(ask({ sort: 'seen' }).length, 1200);
  assert.equal(ask({ standing: 'never' }).length, 600);
});

test('commands are sent with arguments of their kinds', () => {
  assert.deepEqual(devices.argumentsOf('set-check-in-interval', { minutes: '15' }), { minutes: 15 });
  assert.deepEqual(devices.argumentsOf('show-text', { text: 'hello' }), { text: 'hello' });
  assert.deepEqual(devices.argumentsOf('take-picture', {}), {});
});

const TEXT = `# HELP a Something
a_total{lane="critical",x="q\\"r"} 5
a_total{lane="normal"} 7
g 1.5
h_bucket{le="0.1"} 1
h_bucket{le="1.0"} 9
h_bucket{le="+Inf"} 10
# EOF`;

test('metrics are read, and two readings give rates and quantiles', () => {
  const samples = metrics.parse(TEXT);
  assert.equal(metrics.sum(samples, 'a_total'), 12);
  assert.equal(metrics.sum(samples, 'a_total', { lane: 'normal' }), 7);
  assert.equal(metrics.sum(samples, 'none'), null);
  assert.equal(metrics.rate(10, 30, 2000), 10);
  assert.equal(metrics.rate(30, 10, 2000), null, 'a node that was started anew has no negative rate');
  assert.equal(metrics.rate(null, 10, 2000), null);
  const empty = metrics.parse(TEXT.replace(/(h_bucket\S*) \d+/g, '$1 0'));
  assert.equal(metrics.quantile(empty, samples, 'h', 0.5), 1);
  assert.equal(metrics.quantile(empty, samples, 'h', 0.999), Infinity);
  assert.equal(metrics.quantile(samples, samples, 'h', 0.5), null, 'nothing was observed');
});

test('the overview keeps ten minutes and shows no rate that it does not know', () => {
  const reading = (at, value) => ({ at, samples: metrics.parse(`spica_http_requests_total ${value}`) });
  let kept = [reading(0, 0)];
  assert.equal(overview.rateNow(kept, 'requests'), null);
  for (let at = 1; at < 200; at += 1) kept = overview.joined(kept, reading(at * 1000, at * 3));
  assert.equal(kept.length, overview.KEPT);
  assert.equal(overview.rateNow(kept, 'requests'), 3);
  assert.equal(overview.gauge([], 'x'), null);
});

test('a handler with dead letters is not well', () => {
  const lane = (change) => ({ name: 'h', class: 'normal', state: 'running', paused: null, dead_letters: 0, ...change });
  assert.equal(handlers.tone(lane()), 'good');
  assert.equal(handlers.tone(lane({ dead_letters: 1 })), 'bad');
  assert.equal(handlers.tone(lane({ state: 'blocked' })), 'bad');
  assert.equal(handlers.tone(lane({ state: 'paused' })), 'quiet');
  assert.deepEqual(handlers.byName([lane({ dead_letters: 2 }), lane({ class: 'critical', paused: {} })]).map((h) => [h.name, h.lanes.length, h.paused, h.dead]), [['h', 2, true, 2]]);
});

test('the trail tells orders and the steps of people', () => {
  const record = (value) => ({ position: '1/normal/1', topic: 'root/audit/x', received: '2026-01-01T00:00:00Z', value });
  const order = audit.entry(record({ action: 'ban.add', by: 'alice', target: '::/0', detail: { for: '1h', none: null } }));
  assert.deepEqual([order.action, order.by, audit.inWords(order.detail)], ['ban.add', 'alice', 'for: 1h']);
  const step = (by) => audit.entry(record({ what: 'closed', by, at: '2026-01-02T00:00:00Z', condition: 'man-down', source: 'devices/1', why: 'fine' }));
  assert.equal(step('operator:x').action, 'case.closed');
  assert.ok(audit.byPeople(step('operator:x')) && audit.byPeople(order));
  assert.ok(!audit.byPeople(step('timer')));
});

test('the tree is drawn as far as it is open', () => {
  const node = (path, branch) => ({ name: path.split('/').at(-1), path, leaf: !branch, branch });
  const branch = (...nodes) => ({ nodes: new Map(nodes.map((n) => [n.name, n])), more: false });
  const known = new Map([['', branch(node('r', true))], ['r', branch(node('r/b', true), node('r/a', false))], ['r/b', branch(node('r/b/c', false))]]);
  const paths = (...open) => topics.rows(known, new Set(open)).map((row) => `${row.depth} ${row.path}`);
  assert.deepEqual(paths(), ['0 r']);
  assert.deepEqual(paths('r', 'r/b'), ['0 r', '1 r/a', '1 r/b', '2 r/b/c']);
  assert.deepEqual(topics.above('a/b/c'), ['a', 'a/b']);
});

test('a plot keeps what is within its span, in order, and not without end', () => {
  let points = { at: [1, 2, 3], values: [1, 2, 3] };
  assert.equal(topics.appended(points, 2, 9, 0), points, 'what came before is not drawn again');
  points = topics.appended(points, 4, 4, 2);
  assert.deepEqual(points, { at: [2, 3, 4], values: [2, 3, 4] });
  assert.deepEqual(topics.appended(points, 100, 5, 50), { at: [100], values: [5] });
  for (let at = 5; at < topics.POINTS + 50; at += 1) points = topics.appended(points, at, at, 0);
  assert.equal(points.at.length, topics.POINTS);
  assert.equal(points.at.at(-1), topics.POINTS + 49);
});

test('only tokens of devices have a serial number', () => {
  assert.deepEqual(users.wanted({ name: ' x ', role: 'reader', serial: '1' }), { name: 'x', role: 'reader' });
  assert.deepEqual(users.wanted({ name: 'x', role: 'device', serial: ' 1 ' }), { name: 'x', role: 'device', serial: '1' });
});

test('what is no JSON is said before it is sent', () => {
  for (const text of ['1', '"a"', '{"a": [null]}', ' true ']) assert.equal(topics.notJson(text), null, text);
  for (const text of ['', '{', "{'a': 1}", 'a']) assert.ok(topics.notJson(text), text);
});

test('what is wrong with an import stands in the order of its lines', () => {
  const parts = [{ index: 7, field: 'name', detail: 'b' }, { detail: 'whole file' }, { index: 2, field: null, detail: 'a' }];
  assert.deepEqual(devices.lines(parts), [
    { line: null, field: null, detail: 'whole file' }, { line: 2, field: null, detail: 'a' }, { line: 7, field: 'name', detail: 'b' },
  ]);
});

test('all that a session was not given counts', () => {
  assert.equal(stations.dropped({ dropped: { queue_full: 1, too_large: 2, expired: 4 } }), 7);
});
