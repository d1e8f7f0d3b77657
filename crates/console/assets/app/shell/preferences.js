// Language, theme, keys.
import { change, settings } from '../data/settings.js';
import { t } from '../data/text.js';
import { html, useStore } from '../parts/html.js';

/** @typedef {'language'|'theme'} Choice */

/**
 * @param {{name: Choice, label: string, options: [string, string][], value: string}} props
 * @returns {any}
 */
const Choose = ({ name, label, options, value }) => html`
  <label class="field inline"><span>${label}</span>
    <select name=${name} value=${value} onChange=${(/** @type {any} */ event) => change({ [name]: event.target.value })}>
      ${options.map(([option, words]) => html`<option key=${option} value=${option} selected=${option === value}>${words}</option>`)}
    </select></label>`;

/** @returns {any} */
export function Preferences() {
  const { language, theme, shortcuts } = useStore(settings);
  return html`
    <div class="preferences">
      <${Choose} name="language" label=${t('settings.language')} value=${language} options=${[['en', t('language.en')], ['de', t('language.de')]]} />
      <${Choose} name="theme" label=${t('settings.theme')} value=${theme}
        options=${[['system', t('theme.system')], ['dark', t('theme.dark')], ['light', t('theme.light')]]} />
      <label class="field check"><input type="checkbox" name="shortcuts" checked=${shortcuts}
        onInput=${(/** @type {any} */ event) => change({ shortcuts: event.target.checked })} /><span>${t('settings.shortcuts')}</span></label>
    </div>`;
}
