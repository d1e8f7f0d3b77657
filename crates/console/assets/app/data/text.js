// Texts, numbers and times in the language that was chosen.
import { age, millis } from '../core/age.js';
import { translate } from '../core/i18n.js';
import de from '../i18n/de.js';
import en from '../i18n/en.js';
import { settings } from './settings.js';

const DICTIONARIES = { en, de };

/** English as read in Europe: the day before the month, 24 hours. */
const LOCALES = { en: 'en-GB', de: 'de-CH' };

const language = () => settings.get().language;
const locale = () => LOCALES[language()];

/** @param {string} key @param {import('../core/i18n.js').Params} [params] @returns {string} */
export const t = (key, params) => translate(DICTIONARIES[language()], locale(), key, params);

/**
 * A text that may not be there, such as the name of a condition of some device.
 * @param {string} key @param {string} otherwise @returns {string}
 */
export const tOr = (key, otherwise) => DICTIONARIES[language()][key] ?? otherwise;

/** @type {Map<string, Intl.NumberFormat|Intl.DateTimeFormat>} */
const formats = new Map();

/** @template {Intl.NumberFormat|Intl.DateTimeFormat} F @param {string} key @param {() => F} make @returns {F} */
function format(key, make) {
  const name = `${locale()} ${key}`;
  const found = formats.get(name) ?? make();
  formats.set(name, found);
  return /** @type {F} */ (found);
}

/** @param {Intl.NumberFormatOptions} options @returns {Intl.NumberFormat} */
const numbers = (options) => format(JSON.stringify(options), () => new Intl.NumberFormat(locale(), options));
/** @param {Intl.DateTimeFormatOptions} options @returns {Intl.DateTimeFormat} */
const times = (options) => format(JSON.stringify(options), () => new Intl.DateTimeFormat(locale(), options));

/** @param {number} value @param {number} [digits] behind the point, at most @returns {string} */
export const number = (value, digits = 0) => numbers({ maximumFractionDigits: digits }).format(value);

/** A number of which nobody knows how large it is. @param {number} value @returns {string} */
export const significant = (value) => numbers({ maximumSignificantDigits: 4 }).format(value);

/** @param {number} value @param {string} unit of Intl @param {number} [digits] @returns {string} */
export const withUnit = (value, unit, digits = 0) =>
  numbers({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);

/** @param {number} bytes @returns {string} */
export function size(bytes) {
  const steps = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  const step = bytes < 1000 ? 0 : Math.min(steps.length - 1, Math.floor(Math.log10(bytes) / 3));
  return withUnit(bytes / 1000 ** step, steps[step] ?? 'byte', step === 0 ? 0 : 1);
}

/** @param {number} ms how old @returns {string} */
export function ageText(ms) {
  const { value, unit } = age(ms);
  return numbers({ style: 'unit', unit, unitDisplay: 'narrow' }).format(value);
}

/** @param {number} seconds a duration @returns {string} */
export function duration(seconds) {
  if (seconds < 0.001) return withUnit(seconds * 1e6, 'microsecond');
  if (seconds < 1) return withUnit(seconds * 1000, 'millisecond', seconds < 0.01 ? 1 : 0);
  return seconds < 60 ? numbers({ style: 'unit', unit: 'second', unitDisplay: 'narrow', maximumFractionDigits: 1 }).format(seconds) : ageText(seconds * 1000);
}

/** @param {string|number|null|undefined} at @returns {string} date and time to the second; empty if there is none */
export function dateTime(at) {
  const ms = millis(at);
  return ms === null ? '' : times({ dateStyle: 'short', timeStyle: 'medium' }).format(ms);
}

/** @param {string|number|null|undefined} at @returns {string} time to the second */
export function clock(at) {
  const ms = millis(at);
  return ms === null ? '' : times({ timeStyle: 'medium' }).format(ms);
}

/** @param {string|number|null|undefined} at @returns {string} the weekday and the date */
export function day(at) {
  const ms = millis(at);
  return ms === null ? '' : times({ weekday: 'long', day: 'numeric', month: 'long' }).format(ms);
}

/** A time on an axis. @param {number} ms @param {number} step between two of them, in seconds @returns {string} */
export function tickTime(ms, step) {
  if (step >= 86_400) return times({ day: 'numeric', month: 'numeric' }).format(ms);
  return times({ timeStyle: step >= 60 ? 'short' : 'medium' }).format(ms);
}
