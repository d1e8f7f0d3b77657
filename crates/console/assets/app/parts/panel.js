// A part of a page that shows an answer which is asked for again and again, and how old it is. What
// is older than three rounds is not shown as if it held: it is grey, and called the last known.
import { nodeNow, tick } from '../data/clock.js';
import { link } from '../data/live.js';
import { t } from '../data/text.js';
import { classes, html, useStore } from './html.js';
import { Age, Empty, Failure } from './signs.js';

const ROUNDS = 3;

/**
 * @param {{title: string, of: import('../data/poll.js').Answer<any>, every: number, alone?: any,
 *   also?: import('../data/poll.js').Answer<any>[], children: (value: any) => any}} props
 *   `alone`: shown instead, where null is an answer; `also`: further answers it shows
 * @returns {any}
 */
export function Panel({ title, of, every, alone, also = [], children }) {
  useStore(tick);
  const lost = useStore(link, (now) => now.state === 'lost');
  const oldest = Math.min(...[of, ...also].map((answer) => answer.at ?? Infinity));
  const old = of.at !== null && (lost || nodeNow() - oldest > ROUNDS * every);
  return html`<section class=${classes('panel', old && 'stale')}>
    <div class="panel-head"><h2>${title}</h2>${old && html`<span class="word bad">${t('value.last-known')} <${Age} at=${of.at} /></span>`}</div>
    ${of.error && !lost && html`<${Failure} error=${of.error} />`}
    ${alone || (of.value !== null ? children(of.value) : html`<${Empty}>${of.error ? t('value.unknown') : t('value.loading')}</${Empty}>`)}
  </section>`;
}
