// Keys for the whole console: `g` and a letter goes to a page, `?` explains. Off where text is
// written, while a question is open, and when somebody has switched them off.
import { may } from '../core/roles.js';
import { store } from '../core/store.js';
import { go } from '../data/place.js';
import { session } from '../data/session.js';
import { settings } from '../data/settings.js';
import { asking } from '../parts/ask.js';
import { useEffect } from '../parts/html.js';
import { PAGES } from './pages.js';

/** Whether the list of keys is shown. */
export const help = store(false);

/** How long a `g` waits for its letter, in milliseconds. */
const WAIT = 1500;

/** @param {KeyboardEvent} event @returns {boolean} */
const writing = (event) => event.target instanceof Element && Boolean(event.target.closest('input, textarea, select, dialog'));

/** @param {KeyboardEvent} event whether it is a single key that may do something @returns {boolean} */
export const isShortcut = (event) => settings.get().shortcuts && !event.ctrlKey && !event.metaKey && !event.altKey
  && !event.defaultPrevented && !writing(event) && !asking() && !help.get();

/** Listens to keys while the calling component is shown. @param {(event: KeyboardEvent) => void} heard */
export function useKeys(heard) {
  useEffect(() => {
    const listen = (/** @type {KeyboardEvent} */ event) => { if (isShortcut(event)) heard(event); };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  });
}

/** The keys of the whole console. */
export function useGlobalKeys() {
  useEffect(() => {
    let since = 0;
    const listen = (/** @type {KeyboardEvent} */ event) => {
      if (!isShortcut(event)) return;
      const page = Date.now() - since < WAIT ? PAGES.find((one) => one.key === event.key && may(session.get().role, one.role)) : undefined;
      since = event.key === 'g' ? Date.now() : 0;
      if (page) { event.preventDefault(); event.stopImmediatePropagation(); go(page.name); }
      else if (event.key === '?') help.set(true);
      else if (event.key === '/') {
        const search = document.querySelector('input[type=search]');
        if (search instanceof HTMLElement) { event.preventDefault(); search.focus(); }
      }
    };
    // Before the keys of pages: the letter behind `g` is not theirs.
    addEventListener('keydown', listen, { capture: true });
    return () => removeEventListener('keydown', listen, { capture: true });
  }, []);
}
