// One case: what is known, what can be done, what was done, who was told.
import { link as address } from '../../core/router.js';
import { get, getAll, part } from '../../data/api.js';
import { cases } from '../../data/cases.js';
import { link, watch } from '../../data/live.js';
import { session } from '../../data/session.js';
import { dateTime, number, t, tOr } from '../../data/text.js';
import { classes, html, useEffect, useState, useStore } from '../../parts/html.js';
import { Icon } from '../../parts/icon.js';
import { Age, Button, CaseState, Empty, Fact, Failure, Severity, Until, When, Word } from '../../parts/signs.js';
import { DetailFacts } from '../../parts/facts.js';
import { act } from './act.js';
import { actions, serialOf } from './model.js';
import { actor, what, who } from './words.js';

/** The case, its steps and messages, and how its condition stands; all of it kept up to date. @param {string} id */
function useCase(id) {
  const known = useStore(cases, (now) => now.all.get(id) ?? null);
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [asked, setAsked] = useState({
    one: /** @type {Api.Case|null} */ (null), steps: /** @type {Api.Step[]} */ ([]), notices: /** @type {Api.Notice[]} */ ([]), error: '',
  });
  const [condition, setCondition] = useState(/** @type {Api.Condition|null} */ (null));
  useEffect(() => {
    let gone = false;
    const load = async () => {
      try {
        const [one, steps, notices] = await Promise.all([
          known ? known : get(`/v1/cases/${part(id)}`),
          getAll(`/v1/cases/${part(id)}/steps`, 'steps', { limit: 500 }, { most: 2000 }),
          get(`/v1/cases/${part(id)}/notices`),
        ]);
        if (!gone) setAsked({ one, steps: steps.items.map((record) => /** @type {any} */ (record).value), notices: notices.notices, error: '' });
      } catch (error) {
        if (!gone) setAsked((now) => ({ ...now, error: error instanceof Error ? error.message : String(error) }));
      }
    };
    load();
    const stop = node ? watch(`${node}/alarms/cases/${id}/steps`, { snapshot: false }, load, load) : () => {};
    return () => { gone = true; stop(); };
  }, [id, node, times]);
  const one = known ?? asked.one;
  const topic = one && node ? `${node}/alarms/conditions/${one.condition}/${one.source}` : '';
  useEffect(() => {
    if (!topic) return undefined;
    setCondition(null);
    return watch(topic, { kinds: 'state' }, (held) => setCondition(held.deleted ? null : /** @type {Api.Condition} */ (held.value)));
  }, [topic]);
  return { ...asked, one, condition };
}

/** @param {{one: Api.Case, condition: Api.Condition|null}} props @returns {any} */
function Actions({ one, condition }) {
  const role = useStore(session, (now) => now.role);
  const lost = useStore(link, (now) => now.state === 'lost');
  const found = actions(one, condition, role);
  if (found.length === 0) return null;
  return html`<div class="actions" role="group" aria-label=${t('cases.actions')}>
    ${found.map((action) => html`<${Button} key=${action.name} label=${t(`action.${action.name}`)} kind=${action.main ? 'primary' : ''}
      keys=${action.key} disabled=${lost} onClick=${() => act(one, action)} />`)}
  </div>`;
}

/** Why nobody is alerted. @param {{condition: Api.Condition|null, one: Api.Case}} props @returns {any} */
function Quiet({ condition, one }) {
  const { shelved, suppressed, out_of_service: out } = condition ?? {};
  if (!shelved && !suppressed && !out) return one.quiet ? html`<p class="note">${t('cases.quiet-long')}</p>` : null;
  const said = (/** @type {string} */ words, /** @type {{by: string, why?: string|null}} */ by, /** @type {any} */ until) => html`
    <p class="note"><${Icon} name="quiet" /> <b>${words}</b> ${until} ${t('cases.by', { by: actor(by.by) })}${by.why && html` <q>${by.why}</q>`}</p>`;
  return html`
    ${shelved && said(t('cases.shelved'), shelved, shelved.once ? t('cases.shelf.once') : shelved.until && html`<${Until} at=${shelved.until} />`)}
    ${suppressed && said(t('cases.suppressed'), suppressed, '')}
    ${out && said(t('cases.out-of-service'), out, '')}`;
}

/** @param {{steps: Api.Step[]}} props @returns {any} */
const Steps = ({ steps }) => html`
  <ol class="steps">${[...steps].reverse().map((step) => html`
    <li key=${`${step.at} ${step.what}`} class=${step.what}><div><b>${tOr(`what.${step.what}`, step.what)}</b>${step.to && html` <span>${stepTo(step.to)}</span>`}
      <span class="muted"> ${t('cases.by', { by: actor(step.by) })}</span>${step.why && html`<p>${step.why}</p>`}</div>
      <${When} at=${step.at} /></li>`)}
  </ol>`;

/** Whom, until when, how bad. @param {string} to @returns {string} */
const stepTo = (to) => (/^\d{4}-\d\d-\d\dT/.test(to) ? t('cases.until', { time: dateTime(to) }) : tOr(`severity.${to}`, to));

/** @param {{notices: Api.Notice[]}} props @returns {any} */
const Notices = ({ notices }) => (notices.length === 0 ? html`<${Empty}>${t('cases.no-notices')}</${Empty}>` : html`
  <ul class="plain-list">${notices.map((notice, at) => html`<li key=${at}>
    <${Word} tone=${notice.state === 'failed' ? 'bad' : notice.state === 'delivered' ? 'good' : 'plain'}>${tOr(`notice.${notice.state}`, notice.state ?? '')}</${Word}>
    <b>${notice.person ?? notice.address}</b> <span>${notice.channel}</span> <span class="muted">${tOr(`reason.${notice.reason}`, notice.reason ?? '')}</span>
    <${Age} at=${notice.settled_at ?? notice.created_at} />${notice.last_answer && html`<small>${notice.last_answer}</small>`}</li>`)}
  </ul>`);

/** @param {{id: string, back: string}} props @returns {any} */
export function Detail({ id, back }) {
  const { one, condition, steps, notices, error } = useCase(id);
  const lost = useStore(link, (now) => now.state === 'lost');
  if (!one) return html`<aside class="detail"><a class="button back" href=${back}><${Icon} name="back" /><span>${t('form.back')}</span></a>${error ? html`<${Failure} error=${error} />` : html`<${Empty}>${t('value.loading')}</${Empty}>`}</aside>`;
  const serial = serialOf(one.source);
  return html`
    <aside class=${classes('detail', one.severity)} aria-label=${what(one)}>
      <a class="button back" href=${back}><${Icon} name="back" /><span>${t('form.back')}</span></a>
      <div class=${classes('case-head', lost && 'stale')}><${Severity} of=${one.severity} /><h2>${what(one)}</h2>
        <p>${serial ? html`<a href=${address('devices', [serial])}>${who(one)}</a>` : who(one)}</p>
        <p><${CaseState} of=${one.state} /> <span class="muted">${t('cases.since-raised')} </span><${Age} at=${one.last_raised_at} /></p></div>
      <${Failure} error=${error} />
      <${Quiet} condition=${condition} one=${one} />
      <${Actions} one=${one} condition=${condition} />
      <div class=${classes(lost && 'stale')}>
        <dl class="facts">
          <${Fact} label=${t('cases.number')}>${one.id}</${Fact}>
          <${Fact} label=${t('cases.happened')}><${When} at=${one.happened_at} /></${Fact}>
          <${Fact} label=${t('cases.raised')}><${When} at=${one.raised_at} /></${Fact}>
          <${Fact} label=${t('cases.repeats-label')}>${number(one.repeats)}</${Fact}>
          <${Fact} label=${t('cases.owner')}>${one.owner}</${Fact}>
          <${Fact} label=${t('cases.customer')}>${one.customer}</${Fact}>
          <${Fact} label=${t('cases.source')}>${one.source}</${Fact}>
          <${DetailFacts} detail=${one.detail} />
        </dl>
        <h3>${t('cases.steps')}</h3><${Steps} steps=${steps} />
        <h3>${t('cases.notices')}</h3><${Notices} notices=${notices} />
      </div>
    </aside>`;
}
