// How many open cases there are, by severity and state.
import { SEVERITIES, STATES } from '../../core/severity.js';
import { link as address } from '../../core/router.js';
import { number, t } from '../../data/text.js';
import { classes, html } from '../../parts/html.js';
import { Severity } from '../../parts/signs.js';
import { counts } from './model.js';

const OPEN = STATES.filter((state) => state !== 'closed');

/** Each number chooses what the board shows. @param {{all: Iterable<Api.Case>, query: Record<string, string>}} props @returns {any} */
export function Matrix({ all, query }) {
  const found = counts(all);
  const to = (/** @type {string} */ severity, /** @type {string} */ state) => address('cases', [], { ...query, severity, state });
  const now = (/** @type {string} */ severity, /** @type {string} */ state) =>
    ((query.severity ?? '') === severity && (query.state ?? '') === state ? 'true' : undefined);
  return html`
    <table class="matrix"><caption class="unseen">${t('cases.matrix')}</caption>
      <thead><tr><td><a href=${to('', '')} aria-current=${now('', '')}>${t('cases.all')}</a></td>
        ${OPEN.map((state) => html`<th scope="col" key=${state}><a href=${to('', state)} aria-current=${now('', state)} title=${t(`state.${state}`)}>
          <span class="long">${t(`state.${state}`)}</span><span class="short" aria-hidden="true">${t(`short.${state}`)}</span></a></th>`)}</tr></thead>
      <tbody>${SEVERITIES.map((severity) => html`<tr key=${severity}>
        <th scope="row"><a href=${to(severity, '')} aria-current=${now(severity, '')}><${Severity} of=${severity} /></a></th>
        ${OPEN.map((state) => {
          const count = found[severity]?.[state] ?? 0;
          return html`<td key=${state}><a class=${classes('count', count > 0 && severity, count > 0 && state)} href=${to(severity, state)} aria-current=${now(severity, state)}
            aria-label=${`${t(`severity.${severity}`)}, ${t(`state.${state}`)}: ${count}`}>${number(count)}</a></td>`;
        })}</tr>`)}</tbody>
    </table>`;
}
