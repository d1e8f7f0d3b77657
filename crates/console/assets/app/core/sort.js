// Orders of what is shown. All are total, so that rows do not jump about.

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/**
 * Texts as people sort them: 2 before 10.
 * @param {string|null|undefined} a @param {string|null|undefined} b @returns {number}
 */
export function byText(a, b) {
  if (!a || !b) return a ? -1 : b ? 1 : 0;
  return natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * Numbers; what is none comes last.
 * @param {number|null|undefined} a @param {number|null|undefined} b @returns {number}
 */
export function byNumber(a, b) {
  const no = (/** @type {unknown} */ x) => x === null || x === undefined || Number.isNaN(x);
  if (no(a) || no(b)) return no(a) && no(b) ? 0 : no(a) ? 1 : -1;
  return /** @type {number} */ (a) - /** @type {number} */ (b);
}

/**
 * Several orders, the first that tells two apart counts.
 * @template T
 * @param {...((a: T, b: T) => number)} orders
 * @returns {(a: T, b: T) => number}
 */
export function inTurn(...orders) {
  return (a, b) => {
    for (const order of orders) {
      const found = order(a, b);
      if (found) return found;
    }
    return 0;
  };
}

/**
 * The other way round, but what is missing stays last.
 * @template T
 * @param {(item: T) => string|number|null|undefined} key
 * @param {'asc'|'desc'} direction
 * @returns {(a: T, b: T) => number}
 */
export function by(key, direction = 'asc') {
  const missing = (/** @type {unknown} */ x) => x === null || x === undefined || x === '';
  return (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (missing(x) || missing(y)) return missing(x) && missing(y) ? 0 : missing(x) ? 1 : -1;
    const found = typeof x === 'number' && typeof y === 'number' ? x - y : byText(String(x), String(y));
    return direction === 'asc' ? found : -found;
  };
}
