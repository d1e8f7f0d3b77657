// What two readings of the node's metrics say: rates, latencies, what waits.
import { quantile, rate, sum } from '../../core/metrics.js';

/** @typedef {import('../../core/metrics.js').Sample} Sample */
/** @typedef {{at: number, samples: Sample[]}} Reading */

/** Counters of which the page shows what they grow by in a second. @type {Record<string, [string, Record<string, string>]>} */
export const RATES = {
  critical: ['spica_journal_records_total', { lane: 'critical' }],
  normal: ['spica_journal_records_total', { lane: 'normal' }],
  devices: ['spica_identicom_dialogues_total', {}],
  published: ['spica_http_published_records_total', {}],
  requests: ['spica_http_requests_total', {}],
};

/** Histograms of which the page shows quantiles. @type {Record<string, [string, Record<string, string>]>} */
export const LATENCIES = {
  'commit-critical': ['spica_journal_commit_seconds', { lane: 'critical' }],
  'commit-normal': ['spica_journal_commit_seconds', { lane: 'normal' }],
  durable: ['spica_identicom_durable_seconds', {}],
  notice: ['spica_desk_event_to_notice_seconds', {}],
  http: ['spica_http_request_duration_seconds', {}],
};

/** Readings that are kept: ten minutes at five seconds. */
export const KEPT = 120;

/** @param {Reading[]} readings @param {Reading} next @returns {Reading[]} */
export const joined = (readings, next) => [...readings, next].slice(-KEPT);

/** The rate between the last two readings. @param {Reading[]} readings @param {string} name of `RATES` @returns {number|null} */
export const rateNow = (readings, name) => rates(readings.slice(-2), name).at(-1) ?? null;

/** Rates between all readings, one after the other. @param {Reading[]} readings @param {string} name of `RATES` @returns {(number|null)[]} */
export function rates(readings, name) {
  const [metric, labels] = RATES[name] ?? ['', {}];
  /** @type {(number|null)[]} */
  const found = [];
  readings.forEach((reading, at) => {
    const before = readings[at - 1];
    if (before) found.push(rate(sum(before.samples, metric, labels), sum(reading.samples, metric, labels), reading.at - before.at));
  });
  return found;
}

/** Over all readings that are kept. @param {Reading[]} readings @param {string} name of `LATENCIES` @param {number} at the quantile @returns {number|null} seconds */
export function latency(readings, name, at) {
  const [metric, labels] = LATENCIES[name] ?? ['', {}];
  const [first, last] = [readings[0], readings.at(-1)];
  return first && last && first !== last ? quantile(first.samples, last.samples, metric, at, labels) : null;
}

/** @param {Reading[]} readings @param {string} name @param {Record<string, string>} [labels] @returns {number|null} of the last reading */
export const gauge = (readings, name, labels) => sum(readings.at(-1)?.samples ?? [], name, labels);
