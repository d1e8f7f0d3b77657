// One topic: its value, how old and how good it is, its numbers, what was before.
import { numberAt, pointers } from '../../core/numbers.js';
import { get } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { significant, t } from '../../data/text.js';
import { classes, html, useEffect, useState, useStore } from '../../parts/html.js';
import { Icon } from '../../parts/icon.js';
import { Age, Button, Empty, Fact, Failure, Quality, When } from '../../parts/signs.js';
import { brief } from './model.js';
import { LINES, isPlotted, plotted, toggle } from './plots.js';

const BEFORE = 25;

/** @param {string} topic */
function useTopic(topic) {
  const times = useStore(link, (now) => now.times);
  const [held, setHeld] = useState(/** @type {import('../../data/live.js').Held|null} */ (null));
  const [past, setPast] = useState({ records: /** @type {Api.Record[]} */ ([]), error: '', loaded: false });
  useEffect(() => watch(topic, { every: 200 }, setHeld), [topic]);
  useEffect(() => {
    let gone = false;
    get('/v1/records', { topic, limit: BEFORE })
      .then((page) => { if (!gone) setPast({ records: page.records, error: '', loaded: true }); })
      .catch((error) => { if (!gone) setPast({ records: [], error: error.message, loaded: true }); });
    return () => { gone = true; };
  }, [topic, times, held?.received]);
  return { held, past };
}

/** @param {unknown} value @returns {string} */
const pretty = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

/** @param {{topic: string, value: unknown}} props @returns {any} */
function Numbers({ topic, value }) {
  const lines = useStore(plotted);
  const found = pointers(value);
  if (found.length === 0) return null;
  return html`<h3>${t('topics.numbers')}</h3><ul class="plain-list">${found.map((pointer) => {
    const on = isPlotted(lines, topic, pointer);
    return html`<li key=${pointer}><span class="mono">${pointer || t('topics.whole')}</span><b class="figure">${significant(numberAt(value, pointer) ?? NaN)}</b>
      <${Button} icon="plot" label=${t(on ? 'topics.unplot' : 'topics.plot')} pressed=${on} disabled=${!on && lines.length >= LINES} onClick=${() => toggle(topic, pointer)} /></li>`;
  })}</ul>`;
}

/** @param {{topic: string, back: string}} props @returns {any} */
export function Detail({ topic, back }) {
  const { held, past } = useTopic(topic);
  const lost = useStore(link, (now) => now.state === 'lost');
  return html`
    <aside class=${classes('detail', lost && 'stale')} aria-label=${topic}>
      <a class="button back" href=${back}><${Icon} name="back" /><span>${t('form.back')}</span></a>
      <h2 class="mono wrap">${topic}</h2>
      ${!held ? html`<${Empty}>${past.loaded ? t('topics.no-value') : t('value.loading')}</${Empty}>` : html`
        <pre class=${`value ${held.quality}`} tabindex="0" aria-label=${t('topics.value')}>${held.value === undefined ? t('topics.bytes', { type: held.contentType }) : pretty(held.value)}</pre>
        <dl class="facts">
          <${Fact} label=${t('topics.age')}><${Age} at=${held.received} /></${Fact}>
          <${Fact} label=${t('topics.quality')}><${Quality} of=${held.quality} /></${Fact}>
          <${Fact} label=${t('topics.received')}><${When} at=${held.received} /></${Fact}>
          <${Fact} label=${t('topics.source')}><${When} at=${held.source} /></${Fact}>
          <${Fact} label=${t('topics.kind')}>${t(`kind.${held.kind}`)}, ${t(held.critical ? 'class.critical' : 'class.normal')}</${Fact}>
          <${Fact} label=${t('topics.type')}>${held.contentType}</${Fact}>
        </dl>
        <${Numbers} topic=${topic} value=${held.value} />`}
      <h3>${t('topics.before')}</h3><${Failure} error=${past.error} />
      <ul class="plain-list history">${past.records.map((record) => html`<li key=${record.position}>
        <span class="wrap mono">${record.op === 'delete' ? t('topics.deleted') : brief(record.value ?? record.text ?? record.content_type)}</span><${When} at=${record.received} /></li>`)}</ul>
    </aside>`;
}
