// Who did what, when and why: records that nobody can change.
import { matches } from '../../core/filter.js';
import { link as address } from '../../core/router.js';
import { get } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { refine } from '../../data/place.js';
import { t, tOr } from '../../data/text.js';
import { classes, html, useEffect, useState, useStore } from '../../parts/html.js';
import { Search } from '../../parts/search.js';
import { Button, Empty, Failure, When } from '../../parts/signs.js';
import { actor, tokenOf } from '../cases/words.js';
import { byPeople, entry, inWords } from './model.js';

const PAGE = 200;
/** @type {Record<string, string>} */
const TOPICS = { orders: 'audit/#', cases: 'alarms/cases/+/steps' };

/** @param {string} kind of `TOPICS` */
function useTrail(kind) {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [found, setFound] = useState({ records: /** @type {Api.Record[]} */ ([]), next: /** @type {string|null} */ (null), loaded: false, error: '' });
  const topic = node && `${node}/${TOPICS[kind]}`;
  const load = (/** @type {string|null} */ after) => get('/v1/records', { topic, limit: PAGE, after })
    .then((page) => setFound((now) => ({ records: after ? [...now.records, ...page.records] : page.records, next: page.next, loaded: true, error: '' })))
    .catch((error) => setFound((now) => ({ ...now, error: error.message })));
  useEffect(() => {
    if (!topic) return undefined;
    setFound({ records: [], next: null, loaded: false, error: '' });
    load(null);
    return watch(topic, { kinds: 'event', snapshot: false, every: 1000 }, () => load(null), () => load(null));
  }, [topic, times]);
  return { ...found, more: () => load(found.next) };
}

/** @param {{route: import('../../core/router.js').Route}} props @returns {any} */
export function Audit({ route }) {
  const { search = '', kind = 'orders' } = route.query;
  const { records, next, loaded, error, more } = useTrail(kind in TOPICS ? kind : 'orders');
  const lost = useStore(link, (now) => now.state === 'lost');
  const rows = records.map(entry).filter((one) => byPeople(one) && matches(search, [one.by, one.action, tOr(`audit.${one.action}`, ''), one.target, inWords(one.detail)]));
  const tab = (/** @type {string} */ name) => html`<a class="tab" href=${address('audit', [], { search, kind: name })} aria-current=${kind === name ? 'true' : undefined}>${t(`audit.kind.${name}`)}</a>`;
  return html`<h1>${t('page.audit')}</h1>
    <div class="row tools"><${Search} value=${search} label=${t('audit.search')} onInput=${(/** @type {string} */ text) => refine({ search: text })} /><div class="tabs">${tab('orders')}${tab('cases')}</div></div>
    <${Failure} error=${error} />
    <section class=${classes('panel', lost && 'stale')}>
      ${!loaded ? html`<${Empty}>${t('value.loading')}</${Empty}>` : rows.length === 0 ? html`<${Empty}>${t('audit.none')}</${Empty}>` : html`
        <table class="numbers stacked"><thead><tr><th scope="col">${t('audit.at')}</th><th scope="col">${t('audit.by')}</th><th scope="col">${t('audit.action')}</th><th scope="col">${t('audit.target')}</th><th scope="col">${t('audit.detail')}</th></tr></thead>
        <tbody>${rows.map((one) => html`<tr key=${one.key}><td data-label=${t('audit.at')}><${When} at=${one.at} /></td><td data-label=${t('audit.by')}><span><b>${actor(one.by)}</b> <small class="mono">${tokenOf(one.by)}</small></span></td>
          <td data-label=${t('audit.action')}>${tOr(`audit.${one.action}`, one.action)}</td><td data-label=${t('audit.target')} class="mono">${one.target}</td><td data-label=${t('audit.detail')} class="muted wrap">${inWords(one.detail)}</td></tr>`)}</tbody></table>`}
      ${next && html`<div class="actions"><${Button} label=${t('form.more')} onClick=${more} /></div>`}
    </section>`;
}
