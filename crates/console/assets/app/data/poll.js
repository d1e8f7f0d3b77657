// What has no live topic is asked for again and again while somebody looks at it.
import { store } from '../core/store.js';
import { nodeNow } from './clock.js';

/**
 * @template T
 * @typedef {object} Answer
 * @property {T|null} value the last one that came
 * @property {number|null} at when it came
 * @property {string|null} error why the last attempt failed
 */

/**
 * @template T
 * @param {() => Promise<T>} ask @param {number} every milliseconds from an answer to the next question
 * @returns {import('../core/store.js').Store<Answer<T>> & {every: number, now: () => Promise<void>}}
 */
export function poll(ask, every) {
  const answer = store(/** @type {Answer<T>} */ ({ value: null, at: null, error: null }));
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  let asking = false;
  const now = async () => {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      answer.set({ value: await ask(), at: nodeNow(), error: null });
    } catch (error) {
      answer.update((last) => ({ ...last, error: error instanceof Error ? error.message : String(error) }));
    }
    asking = false;
    if (answer.watchers() > 0) timer = setTimeout(now, every);
  };
  return {
    ...answer, every, now,
    watch(watcher) {
      const end = answer.watch(watcher);
      if (answer.watchers() === 1) now();
      return () => {
        end();
        if (answer.watchers() === 0) clearTimeout(timer);
      };
    },
  };
}
