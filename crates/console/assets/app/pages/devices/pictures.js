// What a device has seen: small, and large when one is chosen.
import { get } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { dateTime, size, t } from '../../data/text.js';
import { html, useEffect, useRef, useState, useStore } from '../../parts/html.js';
import { Picture } from '../../parts/picture.js';
import { Age, Button, Empty, Failure } from '../../parts/signs.js';

const SHOWN = 12;
/** An address without `pictures/`: `/v1/thumbnails/` wants it so. @param {string} address @returns {string} */
const bare = (address) => address.replace(/^pictures\//, '');

/** @param {{media: Api.Media, onGone: () => void}} props @returns {any} */
function Large({ media, onGone }) {
  const box = useRef(/** @type {HTMLDialogElement|null} */ (null));
  useEffect(() => { if (box.current && !box.current.open) box.current.showModal(); }, []);
  return html`<dialog ref=${box} class="large" aria-label=${t('pictures.of', { time: dateTime(media.source_time ?? media.received) })} onClose=${onGone}>
    <${Picture} path=${`/v1/${media.address}`} alt=${t('pictures.of', { time: dateTime(media.source_time ?? media.received) })} />
    <div class="row end"><span class="muted">${dateTime(media.source_time ?? media.received)} · ${size(media.size)}</span><${Button} kind="primary" label=${t('form.close')} onClick=${onGone} /></div>
  </dialog>`;
}

/** @param {{serial: string}} props @returns {any} */
export function Pictures({ serial }) {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [found, setFound] = useState({ media: /** @type {Api.Media[]|null} */ (null), error: '' });
  const [large, setLarge] = useState(/** @type {Api.Media|null} */ (null));
  useEffect(() => {
    let gone = false;
    const load = () => get('/v1/media', { device: serial, limit: SHOWN })
      .then((page) => { if (!gone) setFound({ media: page.media, error: '' }); })
      .catch((error) => { if (!gone) setFound((now) => ({ ...now, error: error.message })); });
    load();
    const stop = node ? watch(`${node}/devices/${serial}/pictures`, { snapshot: false }, load, load) : () => {};
    return () => { gone = true; stop(); };
  }, [serial, node, times]);
  if (found.error) return html`<${Failure} error=${found.error} />`;
  if (!found.media) return html`<${Empty}>${t('value.loading')}</${Empty}>`;
  if (found.media.length === 0) return html`<${Empty}>${t('pictures.none')}</${Empty}>`;
  return html`
    <ul class="thumbs">${found.media.map((media) => html`<li key=${`${media.address} ${media.received}`}>
      <button type="button" class="thumb" onClick=${() => setLarge(media)}>
        <${Picture} path=${`/v1/thumbnails/${bare(media.address)}`} alt=${t('pictures.of', { time: dateTime(media.source_time ?? media.received) })} />
        <${Age} at=${media.source_time ?? media.received} /></button></li>`)}</ul>
    ${large && html`<${Large} media=${large} onGone=${() => setLarge(null)} />`}`;
}
