// Who dials in, and who may not.
import { may } from '../../core/roles.js';
import { part, get, send } from '../../data/api.js';
import { link } from '../../data/live.js';
import { poll } from '../../data/poll.js';
import { session } from '../../data/session.js';
import { number, t, tOr } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { classes, html, useStore } from '../../parts/html.js';
import { Panel } from '../../parts/panel.js';
import { attempt } from '../../parts/say.js';
import { Button, Empty, Fact, Until, Word } from '../../parts/signs.js';
import { gauge } from '../overview/model.js';
import { metrics, readings } from '../overview/polls.js';
import { Mqtt } from './mqtt.js';
import { FACTS, TIMES, TROUBLES } from './model.js';

const bans = poll(async () => /** @type {Api.Ban[]} */ ((await get('/v1/bans')).bans), 5000);

async function add() {
  const answer = await ask({
    title: t('bans.add'), text: t('bans.add-text'), confirm: t('bans.add'), danger: true,
    fields: [
      { name: 'source', label: t('bans.source'), required: true, hint: t('bans.source-hint') },
      { name: 'for', label: t('bans.for'), type: 'select', value: '1h', options: TIMES.map((time) => [time, t(`bans.time.${time}`)]) },
      { name: 'reason', label: t('cases.why'), type: 'area' },
    ],
  });
  if (!answer) return;
  await attempt(() => send('POST', '/v1/bans', { source: (answer.source ?? '').trim(), for: answer.for, ...(answer.reason ? { reason: answer.reason } : {}) }), t('bans.added', { source: answer.source ?? '' }));
  await bans.now();
}

/** @param {Api.Ban} ban */
async function lift(ban) {
  const answer = await ask({ title: t('bans.lift'), text: t('bans.lift-text', { source: ban.source }), confirm: t('bans.lift') });
  if (!answer) return;
  await attempt(() => send('DELETE', `/v1/bans/${part(ban.source)}`), t('bans.lifted', { source: ban.source }));
  await bans.now();
}

/** @returns {any} */
export function Stations() {
  const [counted, kept, banned] = [useStore(metrics), useStore(readings), useStore(bans)];
  const operator = useStore(session, (now) => may(now.role, 'operator'));
  const lost = useStore(link, (now) => now.state === 'lost');
  return html`<h1>${t('page.stations')}</h1>
    <${Panel} title=${t('stations.counts')} of=${counted} every=${metrics.every}>${() => html`<dl class="facts tiles">
      ${FACTS.map((fact) => { const value = gauge(kept, fact.metric); return html`<div key=${fact.key} class=${classes('fact', TROUBLES.includes(fact.key) && Boolean(value) && 'trouble')}><dt>${t(`station.${fact.key}`)}</dt><dd>${value === null ? t('value.none-yet') : number(value)}</dd></div>`; })}
    </dl>`}</${Panel}>
    <${Mqtt} />
    <${Panel} title=${t('bans.title')} of=${banned} every=${bans.every}>${(/** @type {Api.Ban[]} */ list) => html`
      ${operator && html`<div class="actions"><${Button} label=${t('bans.add')} disabled=${lost} onClick=${add} /></div>`}
      ${list.length === 0 ? html`<${Empty}>${t('bans.none')}</${Empty}>` : html`<ul class="rows">${list.map((ban) => html`<li key=${ban.source}>
        <b class="mono">${ban.source}</b><dl class="facts"><${Fact} label=${t('bans.from')}>${ban.from.map((where) => tOr(`bans.from.${where}`, where)).join(', ')}</${Fact}>
        <${Fact} label=${t('bans.until')}><${Until} at=${ban.until} /></${Fact}><${Fact} label=${t('cases.why')}>${ban.reason}</${Fact}>
        <${Fact} label=${t('bans.made')}><${Word}>${t(ban.automatic ? 'bans.by-rule' : 'bans.by-hand')}</${Word}></${Fact}></dl>
        ${operator && html`<${Button} label=${t('bans.lift')} disabled=${lost} onClick=${() => lift(ban)} />`}</li>`)}</ul>`}`}</${Panel}>`;
}
