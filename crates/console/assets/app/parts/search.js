// A field to search in what is shown.
import { html } from './html.js';
import { Icon } from './icon.js';

/** @param {{value: string, label: string, onInput: (text: string) => void}} props @returns {any} */
export const Search = ({ value, label, onInput }) => html`
  <label class="search"><${Icon} name="search" /><span class="unseen">${label}</span>
    <input type="search" placeholder=${label} value=${value} autocomplete="off" spellcheck="false" aria-keyshortcuts="/"
      onInput=${(/** @type {any} */ event) => onInput(event.target.value)} /></label>`;
