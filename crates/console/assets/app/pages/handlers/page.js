// The consumers of the journal, and what they could not handle.
import { link as address } from '../../core/router.js';
import { may } from '../../core/roles.js';
import { part, send } from '../../data/api.js';
import { link } from '../../data/live.js';
import { session } from '../../data/session.js';
import { duration, number, t, tOr } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html, useStore } from '../../parts/html.js';
import { Panel } from '../../parts/panel.js';
import { attempt } from '../../parts/say.js';
import { Age, Button, Empty, Word } from '../../parts/signs.js';
import { handlers } from '../overview/polls.js';
import { Detail } from './detail.js';
import { byName, tone } from './model.js';

/** @param {string} name @param {'pause'|'resume'} verb */
async function order(name, verb) {
  const answer = await ask({ title: t(`handler.${verb}`), text: name, confirm: t(`handler.${verb}`), fields: [{ name: 'why', label: t('cases.why'), required: true, type: 'area' }] });
  if (!answer) return;
  await attempt(() => send('POST', `/v1/handlers/${part(name)}`, { do: verb, why: answer.why }), t(`handler.${verb}-done`, { name }));
  await handlers.now();
}

/** @param {{lane: Api.Handler}} props @returns {any} */
const Lane = ({ lane }) => html`<tr>
  <th scope="row">${t(`class.${lane.class}`)}</th>
  <td data-label=${t('handler.state')}><${Word} tone=${tone(lane)}>${tOr(`handler.${lane.state}`, lane.state)}</${Word}></td>
  <td class="end" data-label=${t('handler.lag')}>${t('backlog.records', { count: lane.lag_records })}${lane.lag_records > 0 && ` · ${duration(lane.lag_seconds)}`}</td>
  <td class="end" data-label=${t('handler.handled')}>${number(lane.handled)}</td>
  <td class="end" data-label=${t('handler.retries')}>${number(lane.retries)}</td>
  <td class="end" data-label=${t('handler.restarts')}>${number(lane.restarts)}</td>
  <td class="end" data-label=${t('handler.missed')}>${number(lane.missed)}</td>
  <td data-label=${t('handler.error')}>${lane.last_error ? html`${lane.last_error} <${Age} at=${lane.last_error_at} />` : html`<span class="muted">${t('value.none')}</span>`}</td>
</tr>`;

/** @param {{route: import('../../core/router.js').Route}} props @returns {any} */
export function Handlers({ route }) {
  const answer = useStore(handlers);
  const operator = useStore(session, (now) => may(now.role, 'operator'));
  const lost = useStore(link, (now) => now.state === 'lost');
  const [selected] = route.rest;
  if (selected) return html`<${Detail} name=${selected} />`;
  return html`<h1>${t('page.handlers')}</h1>
    <${Panel} title=${t('handler.all')} of=${answer} every=${handlers.every}>${(/** @type {Api.Handler[]} */ all) => (all.length === 0 ? html`<${Empty}>${t('handler.none')}</${Empty}>` : byName(all).map((one) => html`
      <section key=${one.name} class="handler"><div class="row title"><h3>${one.name}</h3>
        <a class="button" href=${address('handlers', [one.name])}>${t('handler.dead', { count: one.dead })}</a>
        ${operator && html`<${Button} label=${t(one.paused ? 'handler.resume' : 'handler.pause')} disabled=${lost} onClick=${() => order(one.name, one.paused ? 'resume' : 'pause')} />`}</div>
        ${one.lanes.map((lane) => lane.paused && html`<p class="note" key=${lane.class}>${t('handler.paused-by', { by: lane.paused.by, why: lane.paused.why })} <${Age} at=${lane.paused.at} /></p>`)[0]}
        <table class="numbers stacked"><thead><tr><th scope="col">${t('handler.lane')}</th><th scope="col">${t('handler.state')}</th><th scope="col" class="end">${t('handler.lag')}</th><th scope="col" class="end">${t('handler.handled')}</th>
          <th scope="col" class="end">${t('handler.retries')}</th><th scope="col" class="end">${t('handler.restarts')}</th><th scope="col" class="end">${t('handler.missed')}</th><th scope="col">${t('handler.error')}</th></tr></thead>
          <tbody>${one.lanes.map((lane) => html`<${Lane} key=${lane.class} lane=${lane} />`)}</tbody></table></section>`))}</${Panel}>`;
}
