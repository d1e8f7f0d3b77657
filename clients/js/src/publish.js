// A record to publish, as the HTTP interface takes it.

import { encodeBase64 } from './bytes.js';

/**
 * @typedef {object} PublishOptions
 * @property {'state' | 'event'} [kind] state by default
 * @property {'normal' | 'critical'} [class] normal by default
 * @property {'good' | 'uncertain' | 'bad'} [quality]
 * @property {string} [source_time] RFC 3339, in UTC
 * @property {string} [content_type]
 * @property {string} [key] what makes a repetition harmless; made up if absent
 * @property {number} [timeout_ms]
 */

/**
 * @param {string} topic
 * @param {unknown} value
 * @param {PublishOptions} options
 */
export function bodyOf(topic, value, { kind, class: lane, quality, source_time, content_type, key = keyFor() }) {
  const payload = value instanceof Uint8Array ? { base64: encodeBase64(value) } : { value };
  return { topic, ...payload, kind, class: lane, quality, source_time, content_type, key };
}

/** 128 bits that nobody else makes. */
export function keyFor() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
