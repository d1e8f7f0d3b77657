// Which cases are shown, in which order, and what can be done about one.
import { matches } from '../../core/filter.js';
import { may } from '../../core/roles.js';
import { SEVERITIES, STATES, rank } from '../../core/severity.js';
import { by, inTurn } from '../../core/sort.js';

/** @typedef {{search: string, severity: string, state: string}} Filter empty: all; state `quiet`: those of which nobody is alerted */

/** @param {Api.Case} one @param {Filter} filter @returns {boolean} */
export function shown(one, filter) {
  if (filter.severity && one.severity !== filter.severity) return false;
  if (filter.state === 'quiet' ? !one.quiet : filter.state && one.state !== filter.state) return false;
  if (!filter.state && one.state === 'closed') return false;
  return matches(filter.search, [one.id, one.condition, one.text, one.name, one.source, one.customer, one.owner]);
}

/** What wants somebody first: the worst, then by state, then what waits longest; closed ones the newest first. */
export const order = inTurn(
  by((/** @type {Api.Case} */ c) => (c.state === 'closed' ? 1 : 0)),
  by((/** @type {Api.Case} */ c) => (c.state === 'closed' ? 0 : rank(c.severity))),
  by((/** @type {Api.Case} */ c) => (c.quiet ? 1 : 0)),
  by((/** @type {Api.Case} */ c) => STATES.indexOf(/** @type {any} */ (c.state))),
  (/** @type {Api.Case} */ a, /** @type {Api.Case} */ b) => {
    const newest = a.state === 'closed' ? -1 : 1;
    return a.last_raised_at < b.last_raised_at ? -newest : a.last_raised_at > b.last_raised_at ? newest : 0;
  },
  by((/** @type {Api.Case} */ c) => c.id),
);

/** @param {Iterable<Api.Case>} all @param {Filter} filter @returns {Api.Case[]} */
export const chosen = (all, filter) => [...all].filter((one) => shown(one, filter)).sort(order);

/**
 * How many cases are in each state, by severity.
 * @param {Iterable<Api.Case>} all @returns {Record<string, Record<string, number>>}
 */
export function counts(all) {
  /** @type {Record<string, Record<string, number>>} */
  const found = Object.fromEntries(SEVERITIES.map((severity) => [severity, {}]));
  for (const one of all) {
    const row = found[one.severity];
    if (row) row[one.state] = (row[one.state] ?? 0) + 1;
  }
  return found;
}

/**
 * @typedef {object} Action
 * @property {string} name
 * @property {string} [key]
 * @property {'step'|'condition'} on the case, or its condition
 * @property {'none'|'wanted'|'asked'} why whether a reason is needed, or asked for
 * @property {boolean} [main] the next thing to do
 */

/**
 * What can be done about a case now, by whoever has this role.
 * @param {Api.Case} one @param {Api.Condition|null} condition as far as it is known
 * @param {import('../../core/roles.js').Role} role
 * @returns {Action[]}
 */
export function actions(one, condition, role) {
  if (!may(role, 'operator')) return [];
  /** @type {Action[]} */
  const found = [];
  if (one.state !== 'closed') {
    if (!one.acknowledged) found.push({ name: 'acknowledge', key: 'a', on: 'step', why: 'none', main: true });
    if (one.acknowledged && !one.confirmed) found.push({ name: 'confirm', key: 'f', on: 'step', why: 'asked' });
    if (one.active) found.push({ name: 'clear', key: 'x', on: 'step', why: 'wanted', main: Boolean(one.acknowledged) });
    if (one.state === 'cleared') found.push({ name: 'close', key: 'l', on: 'step', why: 'wanted', main: true });
    found.push({ name: 'assign', key: 'i', on: 'step', why: 'none' }, { name: 'comment', key: 'n', on: 'step', why: 'wanted' });
  }
  found.push(condition?.shelved
    ? { name: 'unshelve', key: 's', on: 'condition', why: 'asked' }
    : { name: 'shelve', key: 's', on: 'condition', why: 'asked' });
  found.push(condition?.suppressed
    ? { name: 'unsuppress', on: 'condition', why: 'asked' }
    : { name: 'suppress', on: 'condition', why: 'wanted' });
  found.push(condition?.out_of_service
    ? { name: 'in-service', on: 'condition', why: 'asked' }
    : { name: 'out-of-service', on: 'condition', why: 'wanted' });
  return found;
}

/** The serial number of the device that a case is about; null if it is about something else. @param {string} source @returns {string|null} */
export const serialOf = (source) => source.match(/^devices\/([^/]+)$/)?.[1] ?? null;
