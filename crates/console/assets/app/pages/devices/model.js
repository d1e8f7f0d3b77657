// Devices: how each stands, which are shown, in which order.
import { matches } from '../../core/filter.js';
import { millis } from '../../core/age.js';
import { by, inTurn } from '../../core/sort.js';

/** @typedef {'overdue'|'never'|'disabled'|'heard'} Standing */

/** @param {Api.Device} device @param {number} now @returns {Standing} */
export function standing(device, now) {
  if (!device.enabled) return 'disabled';
  const missed = millis(device.missed_at);
  if (missed !== null && missed < now) return 'overdue';
  return device.last_check_in ? 'heard' : 'never';
}

const ORDER = ['overdue', 'never', 'heard', 'disabled'];

/**
 * @param {Iterable<Api.Device>} all @param {number} now
 * @param {{search: string, standing: string, sort: string, direction: 'asc'|'desc'}} wanted
 * @returns {Api.Device[]}
 */
export function chosen(all, now, { search, standing: only, sort, direction }) {
  const rows = [...all].filter((device) => (!only || standing(device, now) === only)
    && matches(search, [device.serial, device.name, device.customer, device.note, device.software_version]));
  /** @type {Record<string, (device: Api.Device) => string|number|null>} */
  const keys = {
    serial: (device) => device.serial,
    name: (device) => device.name,
    customer: (device) => device.customer,
    seen: (device) => millis(device.last_check_in),
    stands: (device) => ORDER.indexOf(standing(device, now)),
    version: (device) => device.software_version,
  };
  return rows.sort(inTurn(by(keys[sort] ?? ((device) => device.serial), direction), by((device) => device.serial)));
}

/** @param {Iterable<Api.Device>} all @param {number} now @returns {Record<Standing, number>} */
export function counts(all, now) {
  const found = { overdue: 0, never: 0, disabled: 0, heard: 0 };
  for (const device of all) found[standing(device, now)] += 1;
  return found;
}

/** The commands of the profile, and what each wants. */
export const COMMANDS = [
  { name: 'report-status', fields: [] },
  { name: 'take-picture', fields: [] },
  { name: 'show-text', fields: [{ name: 'text', type: 'text' }] },
  { name: 'set-check-in-interval', fields: [{ name: 'minutes', type: 'number' }] },
  { name: 'acknowledge-alert', fields: [{ name: 'event', type: 'event' }] },
];

/** Events that a device can be told that somebody knows of. */
export const ALERTS = ['man-down', 'red-alert', 'lanyard-removed'];

/** @param {string} command @param {Record<string, string>} given @returns {Record<string, string|number>} */
export function argumentsOf(command, given) {
  const fields = COMMANDS.find((one) => one.name === command)?.fields ?? [];
  return Object.fromEntries(fields.map((field) => [field.name, field.type === 'number' ? Number(given[field.name]) : given[field.name] ?? '']));
}

/**
 * What is wrong with which line of an import, in the order of lines.
 * @param {readonly {index?: number|null, field?: string|null, detail: string}[]} parts
 * @returns {{line: number|null, field: string|null, detail: string}[]}
 */
export const lines = (parts) => parts
  .map(({ index, field, detail }) => ({ line: index ?? null, field: field ?? null, detail }))
  .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
