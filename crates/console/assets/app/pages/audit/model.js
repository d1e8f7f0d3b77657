// The trail: who did what. Two kinds of records tell it: orders, and steps of cases by people.

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {string} at
 * @property {string} by
 * @property {string} action
 * @property {string} target
 * @property {unknown} detail
 */

/** @param {Api.Record} record @returns {Entry} */
export function entry(record) {
  const value = /** @type {Record<string, any>} */ (record.value ?? {});
  const base = { key: record.position, by: String(value.by ?? ''), at: record.received };
  if (typeof value.what === 'string') {
    const said = Object.fromEntries(['why', 'to'].filter((name) => value[name]).map((name) => [name, value[name]]));
    return { ...base, at: value.at ?? base.at, action: `case.${value.what}`, target: `${value.condition} ${value.source}`, detail: said };
  }
  return { ...base, action: String(value.action ?? record.topic), target: String(value.target ?? ''), detail: value.detail ?? {} };
}

/** Whether a person did it: timers and devices leave steps, too. @param {Entry} one @returns {boolean} */
export const byPeople = (one) => !one.action.startsWith('case.') || /^(operator|person):/.test(one.by);

/** @param {unknown} detail @returns {string} in one line; empty if there is nothing to say */
export function inWords(detail) {
  if (!detail || typeof detail !== 'object') return detail === null || detail === undefined ? '' : String(detail);
  return Object.entries(detail).filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${key}: ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', ');
}
