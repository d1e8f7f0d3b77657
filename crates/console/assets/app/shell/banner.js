// What everybody must know before anything else: that what is shown may be old, and how old.
import { nodeNow, tick } from '../data/clock.js';
import { link, refusal } from '../data/live.js';
import { partner } from '../data/partner.js';
import { allow, sound } from '../data/sound.js';
import { ageText, clock, t } from '../data/text.js';
import { outdated } from '../data/version.js';
import { html, useStore } from '../parts/html.js';
import { Button } from '../parts/signs.js';

/** @returns {any} */
function Lost() {
  const now = useStore(link);
  useStore(tick);
  const other = useStore(partner);
  if (now.state !== 'lost') return null;
  return html`
    <div class="banner lost" role="alert">
      <strong>${t('banner.lost')}</strong>
      <span aria-hidden="true">${t('banner.lost-for', { time: ageText(nodeNow() - now.since) })}</span>
      <span>${now.heard ? t('banner.as-of', { time: clock(now.heard) }) : t('banner.nothing')}</span>
      ${other && html`<a href=${other}>${t('banner.partner')} ${other}</a>`}
    </div>`;
}

/** @returns {any} */
export function Banners() {
  const heard = useStore(sound);
  const refused = useStore(refusal);
  const old = useStore(outdated);
  return html`
    <${Lost} />
    ${heard === 'blocked' && html`<div class="banner note" role="status"><span>${t('banner.silent')}</span>
      <${Button} icon="sound" label=${t('sound.allow')} onClick=${allow} /></div>`}
    ${old && html`<div class="banner note" role="status"><span>${t('version.changed')}</span>
      <${Button} label=${t('version.reload')} onClick=${() => location.reload()} /></div>`}
    ${refused && html`<div class="banner note" role="status"><span>${t('banner.refused')} ${refused}</span>
      <${Button} icon="close" bare label=${t('form.dismiss')} onClick=${() => refusal.set('')} /></div>`}`;
}
