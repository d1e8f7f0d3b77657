// One device: when it was heard, what it reported, what it saw, what it is asked to do.
import { link as address } from '../../core/router.js';
import { may } from '../../core/roles.js';
import { get, part } from '../../data/api.js';
import { cases } from '../../data/cases.js';
import { link, watch } from '../../data/live.js';
import { session } from '../../data/session.js';
import { t, tOr, withUnit } from '../../data/text.js';
import { classes, html, useEffect, useState, useStore } from '../../parts/html.js';
import { Icon } from '../../parts/icon.js';
import { detailLine } from '../../parts/facts.js';
import { Age, Button, CaseState, Empty, Fact, Failure, Severity, Until, When } from '../../parts/signs.js';
import { what } from '../cases/words.js';
import { devices, reload } from './all.js';
import { Commands } from './commands.js';
import { edit, remove, toggle } from './edit.js';
import { Standing } from './page.js';
import { Pictures } from './pictures.js';

const EVENTS = 60;

/** The last events, and those that come. @param {string} serial */
function useEvents(serial) {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [events, setEvents] = useState(/** @type {{at: number|string, received: string|number, topic: string, name: string, critical: boolean, detail: any}[]|null} */ (null));
  const [error, setError] = useState('');
  useEffect(() => {
    if (!node) return undefined;
    let gone = false;
    const load = () => get('/v1/records', { topic: `${node}/devices/${serial}/events/#`, limit: EVENTS }).then((page) => {
      if (gone) return;
      setEvents(page.records.map((/** @type {Api.Record} */ record) => ({
        at: record.source_time ?? record.received, received: record.received, topic: record.topic, name: record.topic.split('/').at(-1) ?? '',
        critical: record.class === 'critical', detail: /** @type {any} */ (record.value)?.detail,
      })));
      setError('');
    }).catch((failed) => { if (!gone) setError(failed.message); });
    load();
    const stop = watch(`${node}/devices/${serial}/events/#`, { kinds: 'event', snapshot: false }, (held) => setEvents((now) => [{
      at: held.source ?? held.received, received: held.received, topic: held.topic, name: held.topic.split('/').at(-1) ?? '',
      critical: held.critical, detail: /** @type {any} */ (held.value)?.detail,
    }, ...(now ?? [])].slice(0, EVENTS)), load);
    return () => { gone = true; stop(); };
  }, [serial, node, times]);
  return { events, error };
}

/** @param {{serial: string}} props @returns {any} */
function Events({ serial }) {
  const { events, error } = useEvents(serial);
  if (error) return html`<${Failure} error=${error} />`;
  if (!events) return html`<${Empty}>${t('value.loading')}</${Empty}>`;
  if (events.length === 0) return html`<${Empty}>${t('device.no-events')}</${Empty}>`;
  return html`<ul class="plain-list events">${events.map((event) => html`
    <li key=${`${event.topic} ${event.received}`} class=${event.critical ? 'critical' : ''}><div><b>${tOr(`condition.${event.name}`, event.name)}</b>${event.critical && html` <span class="word bad">${t('class.critical')}</span>`}
      <small>${detailLine(event.detail)}</small></div><${Age} at=${event.at} /></li>`)}</ul>`;
}

/** Its cases that are open. @param {{serial: string}} props @returns {any} */
function OpenCases({ serial }) {
  const found = useStore(cases, (now) => [...now.all.values()].filter((one) => one.source === `devices/${serial}` && one.state !== 'closed'));
  if (found.length === 0) return null;
  return html`<ul class="plain-list">${found.map((one) => html`<li key=${one.id}><a href=${address('cases', [one.id])}><${Severity} of=${one.severity} /> <b>${what(one)}</b></a> <${CaseState} of=${one.state} /><${Age} at=${one.last_raised_at} /></li>`)}</ul>`;
}

/** @param {{serial: string, back: string}} props @returns {any} */
export function Detail({ serial, back }) {
  const device = useStore(devices, (now) => now.all.get(serial) ?? null);
  const loaded = useStore(devices, (now) => now.loaded);
  const lost = useStore(link, (now) => now.state === 'lost');
  const role = useStore(session, (now) => now.role);
  useEffect(() => { if (!device) reload(serial); }, [serial]);
  const way = html`<a class="button back" href=${back}><${Icon} name="back" /><span>${t('form.back')}</span></a>`;
  if (!device) return html`<aside class="detail">${way}<${Empty}>${loaded ? t('device.unknown', { serial }) : t('value.loading')}</${Empty}></aside>`;
  const operator = may(role, 'operator');
  return html`
    <aside class=${classes('detail', lost && 'stale')} aria-label=${device.serial}>
      ${way}
      <div class="case-head"><h2>${device.name ?? device.serial}</h2><p><${Standing} device=${device} /> <span class="muted">${device.serial}</span></p></div>
      ${operator && html`<div class="actions" role="group" aria-label=${t('device.actions')}>
        <${Button} label=${t('device.edit')} onClick=${() => edit(device)} disabled=${lost} />
        <${Button} label=${t(device.enabled ? 'device.disable' : 'device.enable')} onClick=${() => toggle(device)} disabled=${lost} />
        <${Button} label=${t('device.remove')} onClick=${() => remove(device)} disabled=${lost} /></div>`}
      <dl class="facts">
        <${Fact} label=${t('device.seen')}><${Age} at=${device.last_check_in} limit=${(device.check_in_minutes + device.grace_minutes) * 60_000} never=${t('device.no-check-in')} /></${Fact}>
        <${Fact} label=${t('device.missed-at')}>${device.missed_at && html`<${Until} at=${device.missed_at} />`}</${Fact}>
        <${Fact} label=${t('device.interval')}>${withUnit(device.check_in_minutes, 'minute')}</${Fact}>
        <${Fact} label=${t('device.grace')}>${withUnit(device.grace_minutes, 'minute')}</${Fact}>
        <${Fact} label=${t('device.version')}>${device.software_version}</${Fact}>
        <${Fact} label=${t('device.customer')}>${device.customer}</${Fact}>
        <${Fact} label=${t('device.registered-at')}><${When} at=${device.registered_at} /></${Fact}>
        <${Fact} label=${t('device.note')}>${device.note}</${Fact}>
      </dl>
      <${OpenCases} serial=${serial} />
      <h3>${t('device.commands')}</h3><${Commands} serial=${serial} allowed=${operator && !lost} />
      <h3>${t('device.pictures')}</h3><${Pictures} serial=${serial} />
      <h3>${t('device.events')}</h3><${Events} serial=${serial} />
    </aside>`;
}
