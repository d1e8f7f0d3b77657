// The line on top: the node, how the link to it stands, how many cases wait, sound.
import { SEVERITIES } from '../core/severity.js';
import { link as address } from '../core/router.js';
import { cases } from '../data/cases.js';
import { tick } from '../data/clock.js';
import { link } from '../data/live.js';
import { change, settings } from '../data/settings.js';
import { allow, sound } from '../data/sound.js';
import { clock, number, t } from '../data/text.js';
import { classes, html, useStore } from '../parts/html.js';
import { Icon, Shape } from '../parts/icon.js';
import { Button } from '../parts/signs.js';

/** How many open cases want somebody, by severity. @returns {any} */
function Waiting() {
  const { all, loaded } = useStore(cases);
  const lost = useStore(link, (now) => now.state === 'lost');
  const open = [...all.values()].filter((c) => c.state !== 'closed' && !c.acknowledged && !c.quiet);
  return html`
    <ul class=${classes('waiting', lost && 'stale')} aria-label=${t('header.waiting')}>
      ${SEVERITIES.map((severity) => {
        const count = open.filter((c) => c.severity === severity).length;
        return html`<li key=${severity}><a class=${classes(severity, count > 0 && 'some')} href=${address('cases', [], { severity })}
          title=${t(`severity.${severity}`)}><${Shape} of=${severity} /><span class="unseen">${t(`severity.${severity}`)}</span>
          <b>${loaded ? number(count) : '–'}</b></a></li>`;
      })}
    </ul>`;
}

/** @returns {any} */
function LinkState() {
  const { state } = useStore(link);
  return html`<span class=${`link ${state}`}><${Icon} name=${state === 'open' ? 'ok' : state === 'lost' ? 'close' : 'quiet'} />${t(`link.${state}`)}</span>`;
}

/** @returns {any} */
const Clock = () => html`<time class="clock">${clock(useStore(tick))}</time>`;

/** @returns {any} */
function Sound() {
  const state = useStore(sound);
  const toggle = () => { change({ sound: state === 'off' }); allow(); };
  return html`<${Button} icon=${state === 'on' ? 'sound' : 'mute'} bare label=${t(`sound.${state}`)} pressed=${state === 'on'} onClick=${state === 'blocked' ? allow : toggle} />`;
}

/** @param {{onMenu: () => void, menu: boolean}} props @returns {any} */
export function Header({ onMenu, menu }) {
  const node = useStore(link, (now) => now.node);
  useStore(settings);
  return html`
    <header class="header">
      <button type="button" class="button menu-button" aria-expanded=${menu} aria-controls="menu" aria-label=${t('header.menu')} onClick=${onMenu}><${Icon} name="menu" /></button>
      <span class="brand">Spica</span>
      <span class="node" title=${t('header.node')}>${node}</span>
      <${LinkState} />
      <${Waiting} />
      <${Clock} />
      <${Sound} />
    </header>`;
}
