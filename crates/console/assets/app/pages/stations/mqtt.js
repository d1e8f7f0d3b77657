// The MQTT station: who is connected, which sessions there are, and how to end either.
import { may } from '../../core/roles.js';
import { Problem, get, part, send } from '../../data/api.js';
import { link } from '../../data/live.js';
import { poll } from '../../data/poll.js';
import { session } from '../../data/session.js';
import { number, size, t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html, useStore } from '../../parts/html.js';
import { Panel } from '../../parts/panel.js';
import { attempt } from '../../parts/say.js';
import { Age, Button, Empty, Fact, Word } from '../../parts/signs.js';
import { dropped } from './model.js';

/** Clients and sessions that are shown, at most. */
const SHOWN = 200;

/** @typedef {{there: boolean, clients: Api.MqttClient[], away: Api.MqttSession[], more: boolean}} Station */

const station = poll(async () => {
  try {
    const [clients, sessions] = await Promise.all([get('/v1/mqtt/clients', { limit: SHOWN }), get('/v1/mqtt/sessions', { limit: SHOWN })]);
    const away = sessions.sessions.filter((/** @type {Api.MqttSession} */ one) => !one.connected);
    return /** @type {Station} */ ({ there: true, clients: clients.clients, away, more: Boolean(clients.next ?? sessions.next) });
  } catch (error) {
    // A node without the station says that it has none.
    if (error instanceof Problem && error.status === 404) return /** @type {Station} */ ({ there: false, clients: [], away: [], more: false });
    throw error;
  }
}, 5000);

/** @param {'kick'|'end'} verb @param {string} id */
async function order(verb, id) {
  const answer = await ask({ title: t(`mqtt.${verb}`), text: t(`mqtt.${verb}-text`, { id }), confirm: t(`mqtt.${verb}`), danger: true });
  if (!answer) return;
  await attempt(() => send('DELETE', `/v1/mqtt/${verb === 'kick' ? 'clients' : 'sessions'}/${encodeURIComponent(id)}`), t(`mqtt.${verb}-done`, { id }));
  await station.now();
}

/** @param {{of: Api.MqttSession}} props @returns {any} */
const Session = ({ of }) => html`<${Fact} label=${t('mqtt.subscriptions')}>${number(of.subscriptions)}</${Fact}>
  <${Fact} label=${t('mqtt.queued')}>${number(of.queued)} (${size(of.queued_bytes)})</${Fact}>
  <${Fact} label=${t('mqtt.dropped')}>${number(dropped(of))}</${Fact}>
  ${of.connected && of.behind && html`<${Fact} label=${t('mqtt.fed')}><${Word} tone="plain">${t('mqtt.behind')}</${Word}></${Fact}>`}`;

/** @returns {any} */
export function Mqtt() {
  const found = useStore(station);
  const operator = useStore(session, (now) => may(now.role, 'operator'));
  const lost = useStore(link, (now) => now.state === 'lost');
  if (found.value?.there === false) return null;
  const button = (/** @type {'kick'|'end'} */ verb, /** @type {string} */ id) => operator && html`<${Button} kind=${verb === 'end' ? 'danger' : ''} label=${t(`mqtt.${verb}`)} disabled=${lost} onClick=${() => order(verb, id)} />`;
  return html`<${Panel} title=${t('mqtt.title')} of=${found} every=${station.every}>${(/** @type {Station} */ { clients, away, more }) => html`
    ${more && html`<p class="note">${t('mqtt.first', { count: SHOWN })}</p>`}
    <h3>${t('mqtt.clients')}</h3>
    ${clients.length === 0 ? html`<${Empty}>${t('mqtt.no-clients')}</${Empty}>` : html`<ul class="rows mqtt-clients">${clients.map((client) => html`<li key=${client.id}>
      <b class="mono wrap">${client.id}</b><dl class="facts"><${Fact} label=${t('mqtt.user')}>${client.user}</${Fact}>
      <${Fact} label=${t('mqtt.address')}>${client.address}</${Fact}><${Fact} label=${t('mqtt.version')}>${client.version}</${Fact}>
      <${Fact} label=${t('mqtt.since')}><${Age} at=${client.since} /></${Fact}><${Session} of=${client.session} /></dl>
      <div class="actions">${button('kick', client.id)}${button('end', client.id)}</div></li>`)}</ul>`}
    <h3>${t('mqtt.away')}</h3>
    ${away.length === 0 ? html`<${Empty}>${t('mqtt.no-away')}</${Empty}>` : html`<ul class="rows mqtt-away">${away.map((one) => html`<li key=${one.id}>
      <b class="mono wrap">${one.id}</b><dl class="facts"><${Fact} label=${t('mqtt.user')}>${one.user}</${Fact}>
      <${Fact} label=${t('mqtt.gone')}><${Age} at=${one.since} /></${Fact}><${Session} of=${one} /></dl>
      <div class="actions">${button('end', one.id)}</div></li>`)}</ul>`}`}</${Panel}>`;
}
