// The dead letters of a handler: to look into, to try again, or, for admins, to drop.
import { link as address } from '../../core/router.js';
import { may } from '../../core/roles.js';
import { get, part, send } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { session } from '../../data/session.js';
import { number, size, t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html, useEffect, useState, useStore } from '../../parts/html.js';
import { Icon } from '../../parts/icon.js';
import { attempt } from '../../parts/say.js';
import { Age, Button, Empty, Fact, Failure } from '../../parts/signs.js';

/** @param {string} name */
function useLetters(name) {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [found, setFound] = useState({ letters: /** @type {Api.DeadLetter[]|null} */ (null), total: 0, error: '' });
  const load = () => get(`/v1/handlers/${part(name)}/dead-letters`, { limit: 200 })
    .then((page) => setFound({ letters: page.letters, total: page.total, error: '' }))
    .catch((error) => setFound((now) => ({ ...now, error: error.message })));
  useEffect(() => {
    load();
    return node ? watch(`${node}/handlers/${name}/dead/+`, { kinds: 'state', snapshot: false, every: 500 }, load, load) : undefined;
  }, [name, node, times]);
  return { ...found, load };
}

/** @param {string} name @param {'replay'|'drop'} verb @param {string|null} id null: all @returns {Promise<void>} */
async function order(name, verb, id) {
  const answer = await ask({
    title: t(`letters.${verb}`), text: id ? t('letters.single', { id }) : t('letters.all'), confirm: t(`letters.${verb}`), danger: verb === 'drop',
    fields: verb === 'drop' ? [{ name: 'why', label: t('cases.why'), required: true, type: 'area' }] : [],
  });
  if (!answer) return;
  const done = await attempt(() => send('POST', `/v1/handlers/${part(name)}/dead-letters`, { do: verb, ...(id ? { id } : {}), ...(answer.why ? { why: answer.why } : {}) }));
  if (done) await attempt(async () => {}, t('letters.done', /** @type {any} */ (done)));
}

/** @param {{name: string}} props @returns {any} */
export function Detail({ name }) {
  const { letters, total, error, load } = useLetters(name);
  const role = useStore(session, (now) => now.role);
  const lost = useStore(link, (now) => now.state === 'lost');
  const act = async (/** @type {'replay'|'drop'} */ verb, /** @type {string|null} */ id) => { await order(name, verb, id); await load(); };
  return html`
    <a class="button" href=${address('handlers')}><${Icon} name="back" /><span>${t('page.handlers')}</span></a>
    <div class="row title"><h1>${t('letters.title', { name })}</h1>
      ${may(role, 'operator') && total > 0 && html`<${Button} label=${t('letters.replay-all')} disabled=${lost} onClick=${() => act('replay', null)} />`}</div>
    <${Failure} error=${error} />
    ${letters && letters.length === 0 && html`<section class="panel"><${Empty}><${Icon} name="ok" /> ${t('letters.none')}</${Empty}></section>`}
    ${letters && letters.length < total && html`<p class="muted">${t('letters.first', { count: letters.length, total: number(total) })}</p>`}
    <ul class="letters">${(letters ?? []).map((letter) => html`<li key=${letter.id} class="panel">
      <h2>${letter.topic}</h2><p class="failure">${letter.error}</p>
      <dl class="facts"><${Fact} label=${t('letters.position')}>${letter.position}</${Fact}><${Fact} label=${t('letters.attempts')}>${number(letter.attempts)}</${Fact}>
        <${Fact} label=${t('letters.first-failed')}><${Age} at=${letter.first_failed} /></${Fact}><${Fact} label=${t('letters.last-failed')}><${Age} at=${letter.last_failed} /></${Fact}>
        <${Fact} label=${t('letters.size')}>${size(letter.payload_bytes)}</${Fact}></dl>
      <div class="actions"><a class="button" href=${address('topics', letter.topic.split('/'))}>${t('letters.inspect')}</a>
        ${may(role, 'operator') && html`<${Button} label=${t('letters.replay')} disabled=${lost} onClick=${() => act('replay', letter.id)} />`}
        ${may(role, 'admin') && html`<${Button} label=${t('letters.drop')} kind="danger" disabled=${lost} onClick=${() => act('drop', letter.id)} />`}</div>
    </li>`)}</ul>`;
}
