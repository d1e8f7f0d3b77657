// Conditions of which nobody is alerted, with or without a case: here they are found again, and ended.
import { may } from '../../core/roles.js';
import { getAll, send } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { session } from '../../data/session.js';
import { t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html, useEffect, useState, useStore } from '../../parts/html.js';
import { attempt } from '../../parts/say.js';
import { Button, Empty, Failure, Until, Word } from '../../parts/signs.js';
import { actor, what } from './words.js';

/** What keeps a condition quiet, and the order that ends it. */
const REASONS = /** @type {const} */ ([['shelved', 'unshelve'], ['suppressed', 'unsuppress'], ['out_of_service', 'in-service']]);
const EVERY = 1000;

/** All that are quiet, kept up to date. */
function useQuiet() {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [found, setFound] = useState({ list: /** @type {Api.Condition[]|null} */ (null), error: '' });
  useEffect(() => {
    let gone = false;
    const load = () => getAll('/v1/conditions', 'conditions', { quiet: 'true', limit: 1000 }, { most: 5000 })
      .then(({ items }) => { if (!gone) setFound({ list: /** @type {Api.Condition[]} */ (items), error: '' }); })
      .catch((error) => { if (!gone) setFound((now) => ({ ...now, error: error.message })); });
    load();
    const stop = node ? watch(`${node}/alarms/conditions/#`, { kinds: 'state', snapshot: false, every: EVERY }, load, load) : () => {};
    return () => { gone = true; stop(); };
  }, [node, times]);
  return found;
}

/** @param {Api.Condition} one @param {string} verb */
async function end(one, verb) {
  const name = `${what({ condition: one.condition, text: '' })} · ${one.source}`;
  const answer = await ask({ title: t(`action.${verb}`), text: name, confirm: t(`action.${verb}`), fields: [{ name: 'why', label: t('cases.why'), type: 'area' }] });
  if (!answer) return;
  const why = answer.why?.trim() ? { why: answer.why } : {};
  await attempt(() => send('POST', '/v1/conditions', { do: verb, source: one.source, condition: one.condition, ...why }), t(`done.${verb}`, { what: name }));
}

/** @returns {any} */
export function Quiet() {
  const { list, error } = useQuiet();
  const operator = useStore(session, (now) => may(now.role, 'operator'));
  const lost = useStore(link, (now) => now.state === 'lost');
  return html`<section class="panel quiet-list"><h2>${t('cases.quiet-conditions')}</h2><${Failure} error=${error} />
    ${list === null ? html`<${Empty}>${t('value.loading')}</${Empty}>` : list.length === 0 ? html`<${Empty}>${t('cases.none-quiet')}</${Empty}>` : html`
      <ul class="plain-list">${list.flatMap((one) => REASONS.map(([reason, verb]) => {
        const by = one[reason];
        return by && html`<li key=${`${one.condition} ${one.source} ${reason}`}><div><b>${what({ condition: one.condition, text: '' })}</b> <span>${one.source}</span>
          <small>${t('cases.by', { by: actor(by.by) })}${by.why && html` <q>${by.why}</q>`}</small></div>
          <${Word} tone="strong">${t(`what.${reason.replaceAll('_', '-')}`)}</${Word}>
          ${'until' in by && by.until && html`<${Until} at=${by.until} />`}
          ${operator && html`<${Button} label=${t(`action.${verb}`)} disabled=${lost} onClick=${() => end(one, verb)} />`}</li>`;
      }))}</ul>`}</section>`;
}
