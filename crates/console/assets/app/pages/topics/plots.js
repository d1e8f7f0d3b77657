// Up to four numbers over time: what was, from history, and what comes.
import { numberAt } from '../../core/numbers.js';
import { store } from '../../core/store.js';
import { get } from '../../data/api.js';
import { nodeNow } from '../../data/clock.js';
import { link, watch } from '../../data/live.js';
import { dateTime, significant, t } from '../../data/text.js';
import { classes, html, useEffect, useState, useStore } from '../../parts/html.js';
import { Plot } from '../../parts/plot.js';
import { Button, Failure } from '../../parts/signs.js';
import { appended } from './model.js';

/** @typedef {{topic: string, pointer: string}} Line what is plotted: `pointer` empty is the whole payload */

/** Lines of a plot, at most: more cannot be told apart. */
export const LINES = 4;
/** Spans of time in minutes. */
const SPANS = [5, 15, 60, 360, 1440, 10080];
/** Records that are read for a number within a payload: an index exists for payloads that are a number. */
const RECORDS = 1000;

export const plotted = store(/** @type {readonly Line[]} */ ([]));

/** @param {readonly Line[]} lines @param {string} topic @param {string} pointer @returns {boolean} */
export const isPlotted = (lines, topic, pointer) => lines.some((line) => line.topic === topic && line.pointer === pointer);

/** @param {string} topic @param {string} pointer */
export const toggle = (topic, pointer) => plotted.update((lines) => (isPlotted(lines, topic, pointer)
  ? lines.filter((line) => line.topic !== topic || line.pointer !== pointer)
  : [...lines, { topic, pointer }].slice(0, LINES)));

/** @param {Line} line @returns {string} */
const label = ({ topic, pointer }) => topic + (pointer && ` ${pointer}`);

/** @param {Line} line @param {number} from milliseconds @returns {Promise<import('./model.js').Points>} */
async function history({ topic, pointer }, from) {
  const since = new Date(from).toISOString();
  if (pointer === '') {
    const { points } = await get('/v1/series', { topic, from: since, points: 1000 });
    return { at: points.map((/** @type {Api.Point} */ p) => Date.parse(p.at) / 1000), values: points.map((/** @type {Api.Point} */ p) => p.mean) };
  }
  const { records } = await get('/v1/records', { topic, from: since, limit: RECORDS });
  let points = /** @type {import('./model.js').Points} */ ({ at: [], values: [] });
  for (const record of records.reverse()) {
    const value = numberAt(record.value, pointer);
    if (value !== null) points = appended(points, Date.parse(record.received) / 1000, value, 0);
  }
  return points;
}

/** @param {readonly Line[]} lines @param {number} minutes */
function useLines(lines, minutes) {
  const times = useStore(link, (now) => now.times);
  const [points, setPoints] = useState(/** @type {Record<string, import('./model.js').Points>} */ ({}));
  const [error, setError] = useState('');
  const wanted = lines.map(label).join('\n');
  useEffect(() => {
    let gone = false;
    const from = nodeNow() - minutes * 60_000;
    setPoints({});
    const stops = lines.map((line) => {
      const load = () => history(line, from).then((found) => { if (!gone) setPoints((now) => ({ ...now, [label(line)]: found })); })
        .catch((failed) => { if (!gone) setError(failed.message); });
      load();
      return watch(line.topic, { snapshot: false, every: 200 }, (held) => {
        const value = numberAt(held.value, line.pointer);
        if (value === null) return;
        setPoints((now) => ({ ...now, [label(line)]: appended(now[label(line)] ?? { at: [], values: [] }, held.received / 1000, value, (nodeNow() - minutes * 60_000) / 1000) }));
      }, load);
    });
    return () => { gone = true; stops.forEach((stop) => stop()); };
  }, [wanted, minutes, times]);
  return { lines: lines.map((line) => ({ label: label(line), ...(points[label(line)] ?? { at: [], values: [] }) })), error };
}

/** @returns {any} */
export function Plots() {
  const numbers = useStore(plotted);
  const lost = useStore(link, (now) => now.state === 'lost');
  const [minutes, setMinutes] = useState(60);
  const [point, setPoint] = useState(/** @type {import('../../parts/plot.js').Point|null} */ (null));
  const { lines, error } = useLines(numbers, minutes);
  const span = () => ({ from: nodeNow() / 1000 - minutes * 60, to: nodeNow() / 1000 });
  if (numbers.length === 0) return null;
  return html`<section class=${classes('panel plots', lost && 'stale')} aria-label=${t('topics.plots')}>
    <div class="panel-head"><h2>${t('topics.plots')}</h2><div class="tabs" role="group" aria-label=${t('topics.span')}>${SPANS.map((span) => html`
      <button key=${span} type="button" class="tab" aria-pressed=${span === minutes} onClick=${() => setMinutes(span)}>${t(`span.${span}`)}</button>`)}</div></div>
    <${Failure} error=${error} />
    <${Plot} lines=${lines} span=${span} onPoint=${setPoint} label=${t('topics.plot-of', { what: numbers.map(label).join(', ') })} />
    <p class="muted plot-time">${dateTime(point ? point.at * 1000 : null)}</p>
    <ul class="plain-list">${numbers.map((line, at) => {
      const value = point ? point.values[at] : lines[at]?.values.at(-1);
      return html`<li key=${label(line)}><span class=${`swatch line-${at + 1}`}></span><span class="mono wrap">${label(line)}</span>
        <b class="figure">${value === null || value === undefined ? t('value.none-yet') : significant(value)}</b>
        <${Button} icon="close" bare label=${t('topics.unplot')} onClick=${() => toggle(line.topic, line.pointer)} /></li>`;
    })}</ul>
  </section>`;
}
