// Where one is: the route in the address bar.
import { link as address, parse } from '../core/router.js';
import { store } from '../core/store.js';

/** @type {import('../core/store.js').Store<import('../core/router.js').Route>} */
export const place = store(parse(location.hash));

addEventListener('hashchange', () => place.set(parse(location.hash)));

/** @param {string} page @param {string[]} [rest] @param {Record<string, string|null|undefined>} [query] */
export const go = (page, rest, query) => { location.hash = address(page, rest, query); };

/**
 * Changes the query and leaves no step for "back".
 * @param {Record<string, string|null|undefined>} change
 */
export function refine(change) {
  const { page, rest, query } = place.get();
  history.replaceState(null, '', address(page, rest, { ...query, ...change }));
  place.set(parse(location.hash));
}
