// What this browser remembers: language, theme, sound, shortcuts. No secret is kept here.
import { preferred } from '../core/i18n.js';
import { store } from '../core/store.js';

/**
 * @typedef {object} Settings
 * @property {'en'|'de'} language
 * @property {'system'|'dark'|'light'} theme
 * @property {boolean} sound whether new alarms are heard
 * @property {boolean} shortcuts whether single keys do something
 */

const KEY = 'spica.settings';

/** @returns {Settings} */
function read() {
  /** @type {Settings} */
  const usual = { language: preferred(navigator.languages), theme: 'system', sound: false, shortcuts: true };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return usual;
  }
}

/** @type {import('../core/store.js').Store<Settings>} */
export const settings = store(read());

settings.watch(() => {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.get()));
  } catch {
    // A browser that keeps nothing still shows the console.
  }
});

/** @param {Partial<Settings>} change */
export const change = (change) => settings.update((now) => ({ ...now, ...change }));

/** Puts language and theme on the document. */
export function apply() {
  const { language, theme } = settings.get();
  const root = document.documentElement;
  root.lang = language;
  if (theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme;
}
