// Topics: the tree, what each has now and how old that is; numbers as plots.
import { may } from '../../core/roles.js';
import { link as address } from '../../core/router.js';
import { link } from '../../data/live.js';
import { go } from '../../data/place.js';
import { session } from '../../data/session.js';
import { t } from '../../data/text.js';
import { Grid } from '../../parts/grid.js';
import { classes, html, useEffect, useMemo, useStore } from '../../parts/html.js';
import { Icon } from '../../parts/icon.js';
import { Age, Button, Empty, Failure, Quality } from '../../parts/signs.js';
import { Detail } from './detail.js';
import { above, brief, rows } from './model.js';
import { Plots } from './plots.js';
import { publish } from './publish.js';
import { branches, collapse, expand, open, reload, trouble, useTree, values } from './tree.js';

/** @typedef {import('./model.js').Row} Row */

/** Values by topic are taken when a cell is drawn: the columns stay the same. @param {ReadonlyMap<string, import('../../data/live.js').Held>} held */
const columns = (held) => [
  { key: 'topic', title: t('topics.topic'), cell: (/** @type {Row} */ row) => html`<span class="branch" style=${{ paddingLeft: `${row.depth * 1.1}em` }}>
    ${row.branch ? html`<button type="button" tabindex="-1" class="twist" aria-label=${t(row.open ? 'topics.collapse' : 'topics.expand', { name: row.name })}
      onClick=${(/** @type {Event} */ event) => { event.stopPropagation(); if (row.open) collapse(row.path); else expand(row.path); }}><${Icon} name=${row.open ? 'down' : 'right'} /></button>` : html`<span class="twist"></span>`}
    <span class=${row.leaf ? 'leaf' : ''}>${row.name}</span></span>` },
  { key: 'value', title: t('topics.value'), cell: (/** @type {Row} */ row) => { const now = held.get(row.path); return now ? html`<span class=${`value ${now.quality}`}>${now.value === undefined ? now.contentType : brief(now.value)}</span>` : row.leaf ? html`<span class="muted">…</span>` : ''; } },
  { key: 'quality', title: t('topics.quality'), cell: (/** @type {Row} */ row) => { const now = held.get(row.path); return now && html`<${Quality} of=${now.quality} />`; } },
  { key: 'age', title: t('topics.age'), end: true, cell: (/** @type {Row} */ row) => { const now = held.get(row.path); return now && html`<${Age} at=${now.received} />`; } },
];

/** @param {KeyboardEvent} event @param {Row} row @param {number} at @param {(to: number) => void} move @param {Row[]} all */
function onKey(event, row, at, move, all) {
  if (event.key === 'ArrowRight' && row.branch) { event.preventDefault(); if (row.open) move(Math.min(at + 1, all.length - 1)); else expand(row.path); }
  if (event.key === 'ArrowLeft') {
    event.preventDefault();
    if (row.open) collapse(row.path);
    else { const up = all.slice(0, at).findLastIndex((other) => other.depth < row.depth); if (up >= 0) move(up); }
  }
}

/** @param {{route: import('../../core/router.js').Route}} props @returns {any} */
export function Topics({ route }) {
  useTree();
  const [known, expanded, held, failed] = [useStore(branches), useStore(open), useStore(values), useStore(trouble)];
  const lost = useStore(link, (now) => now.state === 'lost');
  const node = useStore(link, (now) => now.node);
  const operator = useStore(session, (now) => may(now.role, 'operator'));
  const selected = route.rest.join('/') || null;
  useEffect(() => { if (selected) above(selected).forEach(expand); }, [selected]);
  const list = useMemo(() => rows(known, expanded), [known, expanded]);
  const cut = [...known].filter(([path, branch]) => branch.more && (path === '' || expanded.has(path))).map(([path]) => path);
  const choose = (/** @type {Row} */ row) => { if (row.branch && !row.leaf) { if (row.open) collapse(row.path); else expand(row.path); } else go('topics', row.path.split('/')); };
  return html`
    <div class=${classes('split', selected && 'opened')}>
      <section class=${classes('master', lost && 'stale')} aria-label=${t('page.topics')}>
        <div class="row title"><h1>${t('page.topics')}</h1><${Button} label=${t('topics.reload')} onClick=${reload} />
          ${operator && html`<${Button} label=${t('publish.do')} disabled=${lost} onClick=${() => publish(selected ?? (node ? `${node}/` : ''))} />`}</div>
        <${Failure} error=${failed} />
        ${cut.length > 0 && html`<p class="note">${t('topics.cut', { places: cut.join(', ') })}</p>`}
        ${list.length === 0 ? html`<${Empty}>${known.has('') ? t('topics.none') : t('value.loading')}</${Empty}>` : html`
          <${Grid} name="topics-grid" tree label=${t('page.topics')} columns=${columns(held)} rows=${list} selected=${selected}
            rowKey=${(/** @type {Row} */ row) => row.path} onOpen=${choose} rowClass=${(/** @type {Row} */ row) => classes(held.get(row.path)?.quality)}
            onKey=${(/** @type {KeyboardEvent} */ event, /** @type {Row} */ row, /** @type {number} */ at, /** @type {(to: number) => void} */ move) => onKey(event, row, at, move, list)}
            rowProps=${(/** @type {Row} */ row) => ({ 'aria-level': row.depth + 1, 'aria-setsize': row.size, 'aria-posinset': row.index, 'aria-expanded': row.branch ? row.open : undefined })} />`}
      </section>
      <div class="detail-column"><${Plots} />
        ${selected ? html`<${Detail} key=${selected} topic=${selected} back=${address('topics')} />` : html`<aside class="detail nothing"><${Empty}>${t('topics.choose')}</${Empty}></aside>`}</div>
    </div>`;
}
