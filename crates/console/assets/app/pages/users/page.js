// Tokens: made, and revoked. The secret of one is shown once, and never again.
import { get, part, send } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { classes, html, useEffect, useState, useStore } from '../../parts/html.js';
import { attempt, say } from '../../parts/say.js';
import { Button, Empty, Failure, When, Word } from '../../parts/signs.js';
import { ROLES, order, wanted } from './model.js';

/** @param {{secret: string}} props @returns {any} */
function Secret({ secret }) {
  const copy = () => navigator.clipboard.writeText(secret).then(() => say(t('users.copied'))).catch(() => say(t('users.not-copied')));
  return html`<p class="note">${t('users.once')}</p><output class="secret">${secret}</output><div class="row"><${Button} label=${t('users.copy')} onClick=${copy} /></div>`;
}

/** @param {() => void} load */
async function make(load) {
  const answer = await ask({
    title: t('users.make'), confirm: t('users.make'),
    fields: [
      { name: 'name', label: t('users.name'), required: true, hint: t('users.name-hint') },
      { name: 'role', label: t('users.role'), type: 'select', value: 'reader', options: [...ROLES].reverse().map((role) => [role, t(`role.${role}`)]) },
      { name: 'serial', label: t('users.serial'), hint: t('users.serial-hint') },
    ],
  });
  if (!answer) return;
  const made = await attempt(() => /** @type {Promise<Record<string, string>>} */ (send('POST', '/v1/tokens', wanted(answer))));
  if (!made) return;
  load();
  await ask({ title: t('users.made', { name: answer.name ?? '' }), show: html`<${Secret} secret=${made.token ?? made.secret ?? ''} />`, confirm: t('users.seen') });
}

/** @param {Api.Token} token @param {() => void} load */
async function revoke(token, load) {
  const answer = await ask({ title: t('users.revoke'), text: t('users.revoke-text', { name: token.name }), confirm: t('users.revoke'), danger: true });
  if (!answer) return;
  await attempt(() => send('DELETE', `/v1/tokens/${part(token.id)}`), t('users.revoked', { name: token.name }));
  load();
}

/** @returns {any} */
export function Users() {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const lost = useStore(link, (now) => now.state === 'lost');
  const [found, setFound] = useState({ tokens: /** @type {Api.Token[]|null} */ (null), error: '' });
  const load = () => { get('/v1/tokens').then((page) => setFound({ tokens: page.tokens.sort(order), error: '' })).catch((error) => setFound((now) => ({ ...now, error: error.message }))); };
  useEffect(() => {
    load();
    return node ? watch(`${node}/audit/#`, { snapshot: false, every: 1000 }, load, load) : undefined;
  }, [node, times]);
  const { tokens, error } = found;
  return html`<div class="row title"><h1>${t('page.users')}</h1><${Button} kind="primary" label=${t('users.make')} disabled=${lost} onClick=${() => make(load)} /></div>
    <${Failure} error=${error} />
    <section class=${classes('panel', lost && 'stale')}>
      ${!tokens ? html`<${Empty}>${t('value.loading')}</${Empty}>` : tokens.length === 0 ? html`<${Empty}>${t('users.none')}</${Empty}>` : html`
        <table class="numbers stacked"><thead><tr><th scope="col">${t('users.name')}</th><th scope="col">${t('users.role')}</th><th scope="col">${t('users.serial')}</th><th scope="col">${t('users.created')}</th><th scope="col">${t('users.id')}</th><th scope="col"><span class="unseen">${t('cases.actions')}</span></th></tr></thead>
        <tbody>${tokens.map((token) => html`<tr key=${token.id}><td data-label=${t('users.name')}><b>${token.name}</b></td><td data-label=${t('users.role')}><${Word} tone=${token.role === 'admin' ? 'strong' : 'plain'}>${t(`role.${token.role}`)}</${Word}></td>
          <td data-label=${t('users.serial')}>${token.serial ?? html`<span class="muted">${t('value.none')}</span>`}</td><td data-label=${t('users.created')}><${When} at=${token.created} /></td><td data-label=${t('users.id')} class="mono muted">${token.id}</td>
          <td class="end"><${Button} kind="danger" label=${t('users.revoke')} disabled=${lost} onClick=${() => revoke(token, load)} /></td></tr>`)}</tbody></table>`}
    </section>`;
}
