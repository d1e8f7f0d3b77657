// All devices, found by a word, the overdue ones at hand.
import { link as address } from '../../core/router.js';
import { may } from '../../core/roles.js';
import { nodeNow } from '../../data/clock.js';
import { link } from '../../data/live.js';
import { go, refine } from '../../data/place.js';
import { session } from '../../data/session.js';
import { number, t } from '../../data/text.js';
import { Grid } from '../../parts/grid.js';
import { classes, html, useMemo, useStore } from '../../parts/html.js';
import { Search } from '../../parts/search.js';
import { Age, Button, Empty, Failure, Word } from '../../parts/signs.js';
import { useDevices } from './all.js';
import { Detail } from './detail.js';
import { register } from './edit.js';
import { importDevices } from './import.js';
import { chosen, counts, standing } from './model.js';

const TONES = { overdue: 'bad', never: 'plain', disabled: 'quiet', heard: 'good' };

/** @param {{device: Api.Device}} props @returns {any} */
export const Standing = ({ device }) => {
  const how = standing(device, nodeNow());
  return html`<${Word} tone=${TONES[how]}>${t(`device.${how}`)}</${Word}>`;
};

const COLUMNS = () => [
  { key: 'serial', title: t('device.serial'), sorts: true, cell: (/** @type {Api.Device} */ d) => html`<b>${d.serial}</b>` },
  { key: 'name', title: t('device.name'), sorts: true, cell: (/** @type {Api.Device} */ d) => d.name ?? '' },
  { key: 'stands', title: t('device.standing'), sorts: true, cell: (/** @type {Api.Device} */ d) => html`<${Standing} device=${d} />` },
  { key: 'seen', title: t('device.seen'), sorts: true, end: true, cell: (/** @type {Api.Device} */ d) => html`<${Age} at=${d.last_check_in} limit=${(d.check_in_minutes + d.grace_minutes) * 60_000} never=${t('device.no-check-in')} />` },
  { key: 'customer', title: t('device.customer'), sorts: true, cell: (/** @type {Api.Device} */ d) => d.customer ?? '' },
  { key: 'version', title: t('device.version'), sorts: true, cell: (/** @type {Api.Device} */ d) => d.software_version ?? '' },
];

/** @param {{route: import('../../core/router.js').Route}} props @returns {any} */
export function Devices({ route }) {
  const { all, loaded, error } = useDevices();
  const lost = useStore(link, (now) => now.state === 'lost');
  const role = useStore(session, (now) => now.role);
  const { search = '', stands = '', sort = 'serial', direction = 'asc' } = route.query;
  const [selected = null] = route.rest;
  const now = nodeNow();
  const rows = useMemo(
    () => chosen(all.values(), now, { search, standing: stands, sort, direction: direction === 'desc' ? 'desc' : 'asc' }),
    [all, search, stands, sort, direction],
  );
  const count = counts(all.values(), now);
  const onSort = (/** @type {string} */ key) => refine({ sort: key, direction: sort === key && direction === 'asc' ? 'desc' : 'asc' });
  const view = (/** @type {''|keyof typeof count} */ name, /** @type {string} */ words, /** @type {number} */ many) => html`
    <a class="tab" href=${address('devices', [], { ...route.query, stands: name })} aria-current=${stands === name ? 'true' : undefined}>${words} <b>${loaded ? number(many) : '–'}</b></a>`;
  return html`
    <div class=${classes('split', selected && 'opened')}>
      <section class=${classes('master', lost && 'stale')} aria-label=${t('page.devices')}>
        <div class="row title"><h1>${t('page.devices')}</h1>
          ${may(role, 'operator') && html`<${Button} label=${t('device.register')} onClick=${() => register()} /><${Button} label=${t('import.do')} disabled=${lost} onClick=${importDevices} />`}</div>
        <div class="row tools">
          <${Search} value=${search} label=${t('device.search')} onInput=${(/** @type {string} */ text) => refine({ search: text })} />
          <div class="tabs">${view('', t('device.all'), all.size)}${view('overdue', t('device.overdue'), count.overdue)}${view('never', t('device.never'), count.never)}${view('disabled', t('device.disabled'), count.disabled)}</div>
        </div>
        <${Failure} error=${error} />
        ${!loaded ? html`<${Empty}>${t('value.loading')}</${Empty}>`
          : rows.length === 0 ? html`<${Empty}>${all.size === 0 ? t('device.none') : t('device.no-match')}</${Empty}>`
          : html`<${Grid} name="devices-grid" label=${t('page.devices')} columns=${COLUMNS()} rows=${rows} selected=${selected} sort=${{ key: sort, direction: direction === 'desc' ? 'desc' : 'asc' }} onSort=${onSort}
              rowKey=${(/** @type {Api.Device} */ d) => d.serial} rowClass=${(/** @type {Api.Device} */ d) => standing(d, now)}
              onOpen=${(/** @type {Api.Device} */ d) => go('devices', [d.serial], route.query)} />`}
        <p class="foot" role="status">${loaded && t('device.count', { count: rows.length })}</p>
      </section>
      ${selected ? html`<${Detail} key=${selected} serial=${selected} back=${address('devices', [], route.query)} />`
        : html`<aside class="detail nothing"><${Empty}>${t('device.choose')}</${Empty}></aside>`}
    </div>`;
}
