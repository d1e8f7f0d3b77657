// How the page is written: templates of htm, components and hooks of preact, stores of our own.
import htm from 'htm';
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Markup to elements. @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);

export { useEffect, useMemo, useRef, useState } from 'preact/hooks';

/**
 * @template T
 * @overload
 * @param {import('../core/store.js').Store<T>} of
 * @returns {T} its value; drawn again when that changes
 */
/**
 * @template T, R
 * @overload
 * @param {import('../core/store.js').Store<T>} of
 * @param {(value: T) => R} select
 * @returns {R} what `select` makes of its value; drawn again when that changes
 */
/**
 * @param {import('../core/store.js').Store<any>} of
 * @param {(value: any) => any} select
 */
export function useStore(of, select = (value) => value) {
  const now = select(of.get());
  const latest = useRef(select);
  latest.current = select;
  const [, draw] = useState(now);
  useEffect(() => {
    const look = () => draw(() => latest.current(of.get()));
    look();
    return of.watch(look);
  }, [of]);
  return now;
}

/** Classes that hold, in one text. @param {...(string|false|null|undefined)} names @returns {string} */
export const classes = (...names) => names.filter(Boolean).join(' ');
