// How bad, and where a case stands: their order.

/** @typedef {'emergency'|'high'|'medium'|'low'} Severity */
/** @typedef {'unacknowledged'|'acknowledged'|'cleared-unacknowledged'|'cleared'|'closed'} CaseState */

/** The worst first. @type {readonly Severity[]} */
export const SEVERITIES = ['emergency', 'high', 'medium', 'low'];

/** What wants somebody first. @type {readonly CaseState[]} */
export const STATES = ['unacknowledged', 'cleared-unacknowledged', 'acknowledged', 'cleared', 'closed'];

/** @param {string} severity 0 is the worst; what is not known is behind all @returns {number} */
export function rank(severity) {
  const found = SEVERITIES.indexOf(/** @type {Severity} */ (severity));
  return found < 0 ? SEVERITIES.length : found;
}

/**
 * Where a case stands, after ISA-18.2: the payload of its topic does not say it.
 * @param {{closed: unknown, acknowledged: unknown, active: boolean}} of
 * @returns {CaseState}
 */
export function caseState(of) {
  if (of.closed) return 'closed';
  if (of.active) return of.acknowledged ? 'acknowledged' : 'unacknowledged';
  return of.acknowledged ? 'cleared' : 'cleared-unacknowledged';
}
