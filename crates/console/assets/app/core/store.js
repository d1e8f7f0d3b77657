// A value that can be watched. Nothing here knows of the page.

/**
 * @template T
 * @typedef {object} Store
 * @property {() => T} get the value now
 * @property {(value: T) => void} set replaces it; watchers hear of it unless it is the very same
 * @property {(change: (value: T) => T) => void} update sets what `change` makes of it
 * @property {(watcher: () => void) => () => void} watch calls `watcher` after each change; gives the end of that
 * @property {() => number} watchers how many watch
 */

/**
 * @template T
 * @param {T} first
 * @returns {Store<T>}
 */
export function store(first) {
  let value = first;
  /** @type {Set<() => void>} */
  const watchers = new Set();
  /** @param {T} next */
  const set = (next) => {
    if (Object.is(next, value)) return;
    value = next;
    for (const watcher of [...watchers]) watcher();
  };
  return {
    get: () => value,
    set,
    update: (change) => set(change(value)),
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    watchers: () => watchers.size,
  };
}
