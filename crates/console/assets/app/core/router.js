// Addresses within the console: `#/devices/0012?q=anna`.

/** @typedef {{page: string, rest: string[], query: Record<string, string>}} Route */

/** @param {string} text @returns {string} */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} hash with or without its `#` @returns {Route} */
export function parse(hash) {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?');
  const [page = '', ...rest] = path.split('/').filter(Boolean).map(decoded);
  return { page: page || 'overview', rest, query: Object.fromEntries(new URLSearchParams(query)) };
}

/**
 * The address of a page; values of the query that are empty are left out.
 * @param {string} page @param {string[]} [rest] @param {Record<string, string|null|undefined>} [query]
 * @returns {string}
 */
export function link(page, rest = [], query = {}) {
  const given = Object.entries(query).filter((entry) => entry[1]).map(([key, value]) => [key, String(value)]);
  const asked = new URLSearchParams(given).toString();
  return `#/${[page, ...rest].map(encodeURIComponent).join('/')}${asked ? `?${asked}` : ''}`;
}
