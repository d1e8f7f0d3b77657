// What was done, or could not be: a line that is read aloud and goes away.
import { store } from '../core/store.js';
import { t } from '../data/text.js';
import { html, useEffect, useStore } from './html.js';
import { Button } from './signs.js';

const SHOWN = 6000;

const said = store(/** @type {{text: string, bad: boolean}|null} */ (null));

/** @param {string} text */
export const say = (text) => said.set({ text, bad: false });

/**
 * Does something and says how it went; null if it could not be done.
 * @template T
 * @param {() => Promise<T>} act @param {string} [done] @returns {Promise<T|null>}
 */
export async function attempt(act, done) {
  try {
    const result = await act();
    if (done) say(done);
    return result;
  } catch (error) {
    const detail = error instanceof Error && error.message ? error.message : t('error.no-answer');
    said.set({ text: `${t('error.failed')} ${detail}`, bad: true });
    return null;
  }
}

/** @returns {any} */
export function SaidHere() {
  const now = useStore(said);
  useEffect(() => {
    if (!now || now.bad) return undefined;
    const timer = setTimeout(() => said.set(null), SHOWN);
    return () => clearTimeout(timer);
  }, [now]);
  return html`
    <div class="said" role="status" aria-live="polite">
      ${now && html`<div class=${now.bad ? 'bad' : ''}><span>${now.text}</span>
        <${Button} bare icon="close" label=${t('form.dismiss')} onClick=${() => said.set(null)} /></div>`}
    </div>`;
}
