// Coming in with a token.
import { enter } from '../data/enter.js';
import { session } from '../data/session.js';
import { t } from '../data/text.js';
import { html, useState, useStore } from '../parts/html.js';
import { Preferences } from './preferences.js';

/** @returns {any} */
export function Login() {
  const { phase, refused } = useStore(session);
  const [secret, setSecret] = useState('');
  const [remember, setRemember] = useState(false);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (secret.trim()) enter(secret.trim(), remember);
  };
  return html`
    <main class="login" id="main">
      <form onSubmit=${submit}>
        <h1>Spica</h1>
        ${phase === 'checking'
          ? html`<p role="status">${t('login.checking')}</p>`
          : html`
            <label class="field"><span>${t('login.token')}</span>
              <input type="password" name="token" autocomplete="off" spellcheck="false" autofocus required value=${secret}
                aria-describedby="token-hint" onInput=${(/** @type {any} */ event) => setSecret(event.target.value)} />
              <small id="token-hint">${t('login.hint')}</small></label>
            <label class="field check"><input type="checkbox" name="remember" checked=${remember}
              onInput=${(/** @type {any} */ event) => setRemember(event.target.checked)} /><span>${t('login.remember')}</span></label>
            <button class="button primary" type="submit">${t('login.enter')}</button>`}
        ${refused && html`<p class="failure" role="alert">${t('login.refused')} ${refused}</p>`}
      </form>
      <${Preferences} />
    </main>`;
}
