// The numbers in a payload, by JSON pointer (RFC 6901).

/** @param {string} key @returns {string} */
const escaped = (key) => key.replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * Where numbers stand in a value; the empty pointer is the whole. At most `limit` of them.
 * @param {unknown} value @param {number} [limit] @returns {string[]}
 */
export function pointers(value, limit = 50) {
  /** @type {string[]} */
  const found = [];
  /** @param {unknown} part @param {string} at */
  const look = (part, at) => {
    if (found.length >= limit) return;
    if (typeof part === 'number') found.push(at);
    else if (part && typeof part === 'object') {
      for (const [key, inner] of Object.entries(part)) look(inner, `${at}/${escaped(key)}`);
    }
  };
  look(value, '');
  return found;
}

/**
 * The number at a pointer; null if there is none.
 * @param {unknown} value @param {string} pointer @returns {number|null}
 */
export function numberAt(value, pointer) {
  let part = value;
  for (const step of pointer.split('/').slice(1)) {
    if (!part || typeof part !== 'object') return null;
    part = /** @type {Record<string, unknown>} */ (part)[step.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return typeof part === 'number' && Number.isFinite(part) ? part : null;
}
