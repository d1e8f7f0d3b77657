// The keys, explained.
import { t } from '../data/text.js';
import { html, useEffect, useRef, useStore } from '../parts/html.js';
import { help } from './keys.js';
import { PAGES } from './pages.js';

const CASE_KEYS = ['j', 'k', 'a', 'f', 'x', 'l', 'i', 'n', 's', 'w'];

/** @returns {any} */
export function HelpHere() {
  const shown = useStore(help);
  const box = useRef(/** @type {HTMLDialogElement|null} */ (null));
  useEffect(() => { if (shown && box.current && !box.current.open) box.current.showModal(); }, [shown]);
  if (!shown) return null;
  const line = (/** @type {any} */ keys, /** @type {string} */ words) => html`<div><dt>${keys}</dt><dd>${words}</dd></div>`;
  return html`
    <dialog ref=${box} class="help" aria-labelledby="help-title" onClose=${() => help.set(false)}>
      <form method="dialog">
        <h2 id="help-title">${t('help.title')}</h2>
        <div class="columns">
          <section><h3>${t('help.everywhere')}</h3><dl class="keys">
            ${PAGES.map((page) => line(html`<kbd>g</kbd> <kbd>${page.key}</kbd>`, t(`page.${page.name}`)))}
            ${line(html`<kbd>/</kbd>`, t('help.search'))}
            ${line(html`<kbd>?</kbd>`, t('help.title'))}
          </dl></section>
          <section><h3>${t('page.cases')}</h3><dl class="keys">
            ${CASE_KEYS.map((key) => line(html`<kbd>${key}</kbd>`, t(`help.case.${key}`)))}
          </dl></section>
          <section><h3>${t('help.tables')}</h3><dl class="keys">
            ${line(html`<kbd>↑</kbd> <kbd>↓</kbd>`, t('help.rows'))}
            ${line(html`<kbd>←</kbd> <kbd>→</kbd>`, t('help.branches'))}
            ${line(html`<kbd>${t('key.enter')}</kbd>`, t('help.open'))}
          </dl></section>
        </div>
        <p class="muted">${t('help.off')}</p>
        <div class="row end"><button class="button primary" autofocus>${t('form.ok')}</button></div>
      </form>
    </dialog>`;
}
