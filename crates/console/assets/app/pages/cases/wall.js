// The board for a big screen that nobody touches: only what is open, readable from across the room.
import { SEVERITIES } from '../../core/severity.js';
import { link as address } from '../../core/router.js';
import { cases } from '../../data/cases.js';
import { tick } from '../../data/clock.js';
import { link } from '../../data/live.js';
import { go } from '../../data/place.js';
import { clock, day, number, t } from '../../data/text.js';
import { classes, html, useEffect, useStore } from '../../parts/html.js';
import { Shape } from '../../parts/icon.js';
import { Age, Button, CaseState, Empty } from '../../parts/signs.js';
import { useKeys } from '../../shell/keys.js';
import { chosen } from './model.js';
import { what, who } from './words.js';

/** Cards that fit; the rest is counted. */
const CARDS = 12;

/** @param {{one: Api.Case}} props @returns {any} */
const Card = ({ one }) => html`
  <li class=${classes('card', one.severity, one.state, one.quiet && 'is-quiet')}>
    <${Shape} of=${one.severity} />
    <div class="says"><b>${what(one)}</b><span>${who(one)}</span>
      <span class="stands"><${CaseState} of=${one.state} />${one.quiet && html` ${t('cases.quiet')}`}${one.owner && html` · ${one.owner}`}</span></div>
    <${Age} at=${one.last_raised_at} />
  </li>`;

/** Keeps the screen from going dark, where the browser can. */
function useWakeLock() {
  useEffect(() => {
    /** @type {WakeLockSentinel|null} */
    let lock = null;
    navigator.wakeLock?.request('screen').then((made) => { lock = made; }).catch(() => {});
    return () => { lock?.release(); };
  }, []);
}

/** @returns {any} */
export function Wall() {
  const { all, loaded } = useStore(cases);
  const now = useStore(tick);
  const { state, node } = useStore(link);
  useWakeLock();
  useKeys((event) => { if (event.key === 'Escape' || event.key === 'w') go('cases'); });
  const open = chosen(all.values(), { search: '', severity: '', state: '' });
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {});
  return html`
    <div class=${classes('wall', state === 'lost' && 'stale')}>
      <div class="wall-head">
        <h1>${t('page.cases')} <small>${node}</small></h1>
        <ul class="totals">${SEVERITIES.map((severity) => {
          const count = open.filter((one) => one.severity === severity).length;
          return html`<li key=${severity} class=${classes(severity, count > 0 && 'some')}><${Shape} of=${severity} /><b>${loaded ? number(count) : '–'}</b><span>${t(`severity.${severity}`)}</span></li>`;
        })}</ul>
        <p class="wall-clock"><time>${clock(now)}</time><span>${day(now)}</span></p>
        <div class="wall-tools"><${Button} label=${t('cases.full-screen')} icon="wall" bare onClick=${full} />
          <a class="button" href=${address('cases')} aria-label=${t('form.back')} title=${t('form.back')}>×</a></div>
      </div>
      ${!loaded ? html`<${Empty}>${t('value.loading')}</${Empty}>`
        : open.length === 0 ? html`<${Empty}>${t('cases.none')}</${Empty}>`
        : html`<ul class="cards">${open.slice(0, CARDS).map((one) => html`<${Card} key=${one.id} one=${one} />`)}</ul>`}
      ${open.length > CARDS && html`<p class="wall-more">${t('cases.more', { count: open.length - CARDS })}</p>`}
    </div>`;
}
