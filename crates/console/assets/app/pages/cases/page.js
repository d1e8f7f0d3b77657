// The board: what is the matter, the worst first, and what is done about it.
import { link as address } from '../../core/router.js';
import { getAll } from '../../data/api.js';
import { cases } from '../../data/cases.js';
import { link } from '../../data/live.js';
import { go, refine } from '../../data/place.js';
import { session } from '../../data/session.js';
import { t } from '../../data/text.js';
import { Grid } from '../../parts/grid.js';
import { classes, html, useEffect, useMemo, useState, useStore } from '../../parts/html.js';
import { Icon } from '../../parts/icon.js';
import { Search } from '../../parts/search.js';
import { Age, CaseState, Empty, Failure, Severity, Word } from '../../parts/signs.js';
import { useKeys } from '../../shell/keys.js';
import { act } from './act.js';
import { Detail } from './detail.js';
import { Matrix } from './matrix.js';
import { actions, chosen } from './model.js';
import { Quiet } from './quiet.js';
import { Wall } from './wall.js';
import { what, who } from './words.js';

/** Closed cases are asked for when they are wanted. @param {boolean} wanted */
function useClosed(wanted) {
  const [found, setFound] = useState({ items: /** @type {Api.Case[]} */ ([]), error: '' });
  useEffect(() => {
    if (!wanted) return;
    getAll('/v1/cases', 'cases', { state: 'closed', limit: 500 }, { cursor: 'before', most: 2000 })
      .then(({ items }) => setFound({ items: /** @type {Api.Case[]} */ (items), error: '' }))
      .catch((error) => setFound({ items: [], error: error.message }));
  }, [wanted]);
  return found;
}

const COLUMNS = () => [
  { key: 'severity', title: t('cases.severity'), cell: (/** @type {Api.Case} */ c) => html`<${Severity} of=${c.severity} />` },
  { key: 'what', title: t('cases.what'), cell: (/** @type {Api.Case} */ c) => html`<b>${what(c)}</b>${c.repeats > 0 && html` <${Word}>${t('cases.repeats', { count: c.repeats })}</${Word}>`}` },
  { key: 'who', title: t('cases.who'), cell: (/** @type {Api.Case} */ c) => html`${who(c)}${c.customer && html` <small>${c.customer}</small>`}` },
  { key: 'stands', title: t('cases.state'), cell: (/** @type {Api.Case} */ c) => html`<${CaseState} of=${c.state} />${c.quiet && html` <${Word} tone="quiet">${t('cases.quiet')}</${Word}>`}` },
  { key: 'owner', title: t('cases.owner'), cell: (/** @type {Api.Case} */ c) => c.owner ?? '' },
  { key: 'since', title: t('cases.since'), end: true, cell: (/** @type {Api.Case} */ c) => html`<${Age} at=${c.last_raised_at} />` },
];

/** Keys of the board. @param {Api.Case[]} rows @param {string|null} selected @param {Record<string, string>} query */
function useBoardKeys(rows, selected, query) {
  const role = useStore(session, (now) => now.role);
  useKeys((event) => {
    const at = rows.findIndex((row) => row.id === selected);
    const open = (/** @type {number} */ to) => {
      const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (row) go('cases', [row.id], query);
    };
    if (event.key === 'j') open(at + 1);
    else if (event.key === 'k') open(at < 0 ? 0 : at - 1);
    else if (event.key === 'w') go('cases', ['wall']);
    else if (event.key === 'Escape' && selected) go('cases', [], query);
    else {
      const row = rows[at];
      const action = row && actions(row, null, role).find((one) => one.key === event.key);
      if (!row || !action) return;
      event.preventDefault();
      act(row, action);
    }
  });
}

/** @param {{route: import('../../core/router.js').Route}} props @returns {any} */
function Board({ route }) {
  const { all, loaded, error } = useStore(cases);
  const lost = useStore(link, (now) => now.state === 'lost');
  const { search = '', severity = '', state = '' } = route.query;
  const closed = useClosed(state === 'closed');
  const [selected = null] = route.rest;
  const rows = useMemo(() => {
    const known = new Map(closed.items.map((one) => [one.id, one]));
    for (const [id, one] of all) known.set(id, one);
    return chosen(known.values(), { search, severity, state });
  }, [all, closed.items, search, severity, state]);
  useBoardKeys(rows, selected, route.query);
  const view = (/** @type {string} */ name, /** @type {string} */ words) => html`
    <a class="tab" href=${address('cases', [], { search, severity, state: name })} aria-current=${state === name ? 'true' : undefined}>${words}</a>`;
  return html`
    <div class=${classes('split', selected && 'opened')}>
      <section class=${classes('master', lost && 'stale')} aria-label=${t('page.cases')}>
        <div class="row title"><h1>${t('page.cases')}</h1>
          <a class="button" href=${address('cases', ['wall'])}><${Icon} name="wall" /><span>${t('cases.wall')}</span></a></div>
        <${Matrix} all=${all.values()} query=${route.query} />
        <div class="row tools">
          <${Search} value=${search} label=${t('cases.search')} onInput=${(/** @type {string} */ text) => refine({ search: text })} />
          <div class="tabs">${view('', t('cases.open'))}${view('quiet', t('cases.quiet'))}${view('closed', t('cases.closed'))}</div>
        </div>
        ${state === 'quiet' && html`<${Quiet} />`}
        <${Failure} error=${error || closed.error} />
        ${!loaded ? html`<${Empty}>${t('value.loading')}</${Empty}>`
          : rows.length === 0 ? html`<${Empty}><${Icon} name="ok" /> ${t('cases.none')}</${Empty}>`
          : html`<${Grid} name="cases-grid" label=${t('page.cases')} columns=${COLUMNS()} rows=${rows} selected=${selected}
              rowKey=${(/** @type {Api.Case} */ c) => c.id} rowClass=${(/** @type {Api.Case} */ c) => `${c.severity} ${c.state}${c.quiet ? ' is-quiet' : ''}`}
              onOpen=${(/** @type {Api.Case} */ c) => go('cases', [c.id], route.query)} />`}
      </section>
      ${selected ? html`<${Detail} key=${selected} id=${selected} back=${address('cases', [], route.query)} />`
        : html`<aside class="detail nothing"><${Empty}>${t('cases.choose')}</${Empty}></aside>`}
    </div>`;
}

/** @param {{route: import('../../core/router.js').Route}} props @returns {any} */
export const Cases = ({ route }) => (route.rest[0] === 'wall' ? html`<${Wall} />` : html`<${Board} route=${route} />`);
