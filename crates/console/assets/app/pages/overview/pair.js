// How the two nodes stand to each other, and the orders that admins may give them.
import { may } from '../../core/roles.js';
import { send } from '../../data/api.js';
import { session } from '../../data/session.js';
import { number, t, tOr, withUnit } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html, useStore } from '../../parts/html.js';
import { Panel } from '../../parts/panel.js';
import { attempt } from '../../parts/say.js';
import { Button, Empty, Fact, Word } from '../../parts/signs.js';
import { pair } from './polls.js';

async function switchOver() {
  const answer = await ask({ title: t('pair.switch-over'), text: t('pair.switch-over-text'), confirm: t('pair.switch-over'), danger: true });
  if (answer) await attempt(() => send('POST', '/v1/pair/switch-over'), t('pair.switched'));
}

/** @returns {any} */
export function PairPanel() {
  const answer = useStore(pair);
  const admin = useStore(session, (now) => may(now.role, 'admin'));
  return html`<${Panel} title=${t('overview.pair')} of=${answer} every=${pair.every} alone=${answer.at !== null && answer.value === null && html`<${Empty}>${t('pair.alone')}</${Empty}>`}>${(/** @type {Api.Pair} */ now) => html`
    <p class="verdict"><${Word} tone=${now.partner.alive && now.sound && now.sync === 'complete' ? 'good' : 'bad'}>${tOr(`pair.state.${now.state}`, now.state)}</${Word}></p>
    <dl class="facts">
      <${Fact} label=${t('pair.side')}>${tOr(`pair.side.${now.side}`, now.side)}</${Fact}>
      <${Fact} label=${t('pair.epoch')}>${number(now.epoch)}</${Fact}>
      <${Fact} label=${t('pair.gate')}>${tOr(`pair.gate.${now.gate}`, now.gate)}</${Fact}>
      <${Fact} label=${t('pair.sync')}><${Word} tone=${now.sync === 'complete' ? 'good' : 'bad'}>${tOr(`pair.sync.${now.sync}`, now.sync)}</${Word}> ${now.behind > 0 && t('backlog.records', { count: now.behind })}</${Fact}>
      <${Fact} label=${t('pair.partner')}><${Word} tone=${now.partner.alive ? 'good' : 'bad'}>${t(now.partner.alive ? 'pair.alive' : 'pair.gone')}</${Word}> ${now.partner.heard_ms !== null && html`<small>${t('time.ago', { time: withUnit(now.partner.heard_ms, 'millisecond') })}</small>`}</${Fact}>
      <${Fact} label=${t('pair.version')}>${now.version}</${Fact}>
    </dl>
    ${now.notices.map((notice) => html`<p key=${notice} class="note">${notice}</p>`)}
    ${admin && now.serves && html`<div class="actions"><${Button} label=${t('pair.switch-over')} onClick=${switchOver} /></div>`}`}</${Panel}>`;
}
