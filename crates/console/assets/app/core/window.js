// Which rows of a long list are drawn.

/**
 * @param {{top: number, height: number, row: number, count: number, spare?: number}} of
 *   `top`: how far it is scrolled, `height`: of what is seen, `row`: of one row, in pixels
 * @returns {{from: number, to: number}} `to` exclusive
 */
export function seen({ top, height, row, count, spare = 6 }) {
  const drawn = Math.ceil(height / row) + 2 * spare;
  const from = Math.max(0, Math.min(Math.floor(top / row) - spare, count - drawn));
  return { from, to: Math.min(count, from + drawn) };
}

/**
 * Where the focus goes by a key; null if the key is not for a list.
 * @param {string} key @param {number} at @param {number} count @param {number} page rows seen at once
 * @returns {number|null}
 */
export function moved(key, at, count, page) {
  if (count === 0) return null;
  const last = count - 1;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last }[key];
  return to === undefined ? null : Math.max(0, Math.min(last, to));
}
