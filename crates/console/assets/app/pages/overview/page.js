// How everything stands, on one page: only what is wrong has a colour.
import { link as address } from '../../core/router.js';
import { cases } from '../../data/cases.js';
import { link } from '../../data/live.js';
import { duration, number, significant, size, t, tOr } from '../../data/text.js';
import { classes, html, useStore } from '../../parts/html.js';
import { Spark } from '../../parts/plot.js';
import { Panel } from '../../parts/panel.js';
import { Age, Empty, Fact, Word } from '../../parts/signs.js';
import { Matrix } from '../cases/matrix.js';
import { what, who } from '../cases/words.js';
import { LATENCIES, RATES, gauge, latency, rateNow, rates } from './model.js';
import { PairPanel } from './pair.js';
import { desk, handlers, health, metrics, readings } from './polls.js';

/** @param {{ok: boolean|null, yes: string, no: string}} props @returns {any} */
const Ok = ({ ok, yes, no }) => html`<${Word} tone=${ok === null ? 'quiet' : ok ? 'good' : 'bad'}>${ok === null ? t('value.unknown') : ok ? yes : no}</${Word}>`;

/** @returns {any} */
function Health() {
  const answer = useStore(health);
  return html`<${Panel} title=${t('overview.health')} of=${answer} every=${health.every}>${(/** @type {Api.Ready} */ ready) => html`
    <p class="verdict"><${Ok} ok=${ready.ready && !ready.stopping} yes=${t('health.ready')} no=${ready.stopping ? t('health.stopping') : t('health.not-ready')} /></p>
    <dl class="facts">
      ${ready.journal.map((lane) => html`<${Fact} key=${lane.class} label=${t('health.journal', { lane: t(`class.${lane.class}`) })}>
        <${Ok} ok=${lane.ready} yes=${t('health.well')} no=${lane.failure ?? t('health.not-ready')} /> <small>${t('health.last', { number: lane.durable })}</small></${Fact}>`)}
      <${Fact} label=${t('health.views')}><${Ok} ok=${ready.views.ready} yes=${t('health.well')} no=${ready.views.failure ?? t('health.not-ready')} /></${Fact}>
    </dl>`}</${Panel}>`;
}

/** @returns {any} */
function OpenCases() {
  const { all, loaded } = useStore(cases);
  const lost = useStore(link, (now) => now.state === 'lost');
  const open = [...all.values()].filter((one) => one.state !== 'closed');
  const worst = open.filter((one) => one.state === 'unacknowledged' && !one.quiet).sort((a, b) => a.last_raised_at.localeCompare(b.last_raised_at));
  return html`<section class=${classes('panel', lost && 'stale')}><div class="panel-head"><h2>${t('overview.cases')}</h2><a href=${address('cases')}>${t('overview.board')}</a></div>
    ${!loaded ? html`<${Empty}>${t('value.loading')}</${Empty}>` : html`<${Matrix} all=${open} query=${{}} />`}
    ${worst.length > 0 && html`<p>${t('overview.oldest')} <a href=${address('cases', [worst[0]?.id ?? ''])}>${worst[0] && `${what(worst[0])} · ${who(worst[0])}`}</a> <${Age} at=${worst[0]?.last_raised_at} /></p>`}</section>`;
}

/** @returns {any} */
function Overdue() {
  const { all, loaded } = useStore(cases);
  const lost = useStore(link, (now) => now.state === 'lost');
  const found = [...all.values()].filter((one) => one.condition === 'missed-check-in' && one.active && one.state !== 'closed')
    .sort((a, b) => a.last_raised_at.localeCompare(b.last_raised_at));
  return html`<section class=${classes('panel', lost && 'stale')}><div class="panel-head"><h2>${t('overview.overdue')} ${loaded && html`<b class="total">${number(found.length)}</b>`}</h2><a href=${address('devices', [], { stands: 'overdue' })}>${t('page.devices')}</a></div>
    ${!loaded ? html`<${Empty}>${t('value.loading')}</${Empty}>` : found.length === 0 ? html`<${Empty}>${t('overview.none-overdue')}</${Empty}>` : html`<ul class="plain-list">${found.slice(0, 8).map((one) => html`
      <li key=${one.id}><a href=${address('devices', [one.source.replace(/^devices\//, '')])}>${who(one)}</a><span class="muted">${t('overview.overdue-since')}</span><${Age} at=${one.last_raised_at} /></li>`)}</ul>`}</section>`;
}

/** @returns {any} */
function Rates() {
  const answer = useStore(metrics);
  const kept = useStore(readings);
  return html`<${Panel} title=${t('overview.rates')} of=${answer} every=${metrics.every}>${() => html`<table class="numbers"><tbody>
    ${Object.keys(RATES).map((name) => { const now = rateNow(kept, name); return html`<tr key=${name}><th scope="row">${t(`rate.${name}`)}</th>
      <td class="spark-cell"><${Spark} values=${rates(kept, name)} label=${t('overview.last-minutes')} /></td>
      <td class="end"><b>${now === null ? '–' : significant(now)}</b> <small>${t('overview.per-second')}</small></td></tr>`; })}
  </tbody></table>`}</${Panel}>`;
}

/** @param {number|null} seconds @returns {string} */
const upTo = (seconds) => (seconds === null ? '–' : seconds === Infinity ? '∞' : `≤ ${duration(seconds)}`);

/** @returns {any} */
function Latencies() {
  const answer = useStore(metrics);
  const kept = useStore(readings);
  return html`<${Panel} title=${t('overview.latencies')} of=${answer} every=${metrics.every}>${() => html`<table class="numbers"><thead><tr><th scope="col"><span class="unseen">${t('overview.latencies')}</span></th><th scope="col" class="end">${t('overview.half')}</th><th scope="col" class="end">${t('overview.p99')}</th></tr></thead><tbody>
    ${Object.keys(LATENCIES).map((name) => html`<tr key=${name}><th scope="row">${t(`latency.${name}`)}</th><td class="end">${upTo(latency(kept, name, 0.5))}</td><td class="end">${upTo(latency(kept, name, 0.99))}</td></tr>`)}
  </tbody></table>`}</${Panel}>`;
}

/** @param {Api.Handler} one @returns {string} */
const tone = (one) => (one.state === 'running' ? 'good' : one.state === 'standby' || one.state === 'paused' ? 'quiet' : 'bad');

/** @returns {any} */
function Backlog() {
  const [answer, counted, now] = [useStore(handlers), useStore(metrics), useStore(desk)];
  const kept = useStore(readings);
  const free = gauge(kept, 'spica_backlog_disk_free_bytes');
  const full = gauge(kept, 'spica_backlog_disk_full_seconds');
  const unhandled = gauge(kept, 'spica_backlog_critical_unhandled_seconds');
  return html`<${Panel} title=${t('overview.backlog')} of=${answer} every=${handlers.every} also=${[counted, now]}>${(/** @type {Api.Handler[]} */ list) => html`
    <dl class="facts">
      <${Fact} label=${t('backlog.desk')}>${now.value ? number(now.value.behind_critical + now.value.behind_normal) : t('value.unknown')}</${Fact}>
      <${Fact} label=${t('backlog.unhandled')}>${unhandled === null ? t('value.unknown') : duration(unhandled)}</${Fact}>
      <${Fact} label=${t('backlog.disk')}>${free === null ? t('value.unknown') : size(free)}${full !== null && full >= 0 && html` <${Word} tone="bad">${t('backlog.full-in', { time: duration(full) })}</${Word}>`}</${Fact}>
    </dl>
    <table class="numbers"><tbody>${list.map((one) => html`<tr key=${`${one.name} ${one.class}`}><th scope="row">${one.name} <small>${t(`class.${one.class}`)}</small></th>
      <td><${Word} tone=${tone(one)}>${tOr(`handler.${one.state}`, one.state)}</${Word}></td><td class="end">${t('backlog.records', { count: one.lag_records })}</td></tr>`)}</tbody></table>`}</${Panel}>`;
}

/** @returns {any} */
function Channels() {
  const answer = useStore(desk);
  return html`<${Panel} title=${t('overview.channels')} of=${answer} every=${desk.every}>${(/** @type {Api.Desk} */ found) => (found.channels.length === 0 ? html`<${Empty}>${t('channels.none')}</${Empty}>` : html`
    <table class="numbers"><tbody>${found.channels.map((one) => html`<tr key=${one.name}><th scope="row">${one.name} <small>${one.kind}</small></th>
      <td><${Ok} ok=${one.well} yes=${t('health.well')} no=${one.last_failure ?? t('health.not-ready')} /></td><td class="end">${t('channels.delivered', { count: one.delivered })}</td></tr>`)}</tbody></table>`)}</${Panel}>`;
}

/** @returns {any} */
export const Overview = () => html`
  <h1>${t('page.overview')}</h1>
  <div class="panels"><${OpenCases} /><${Overdue} /><${Health} /><${PairPanel} /><${Rates} /><${Latencies} /><${Backlog} /><${Channels} /></div>`;
