// A picture of a device. An image element sends no token, so it is fetched and shown from memory.
import { getBlob } from '../data/api.js';
import { t } from '../data/text.js';
import { html, useEffect, useState } from './html.js';

/** @param {{path: string, alt: string}} props @returns {any} */
export function Picture({ path, alt }) {
  const [found, setFound] = useState({ url: '', error: '' });
  useEffect(() => {
    let [url, gone] = ['', false];
    getBlob(path).then((blob) => {
      if (gone) return;
      url = URL.createObjectURL(blob);
      setFound({ url, error: '' });
    }).catch((error) => { if (!gone) setFound({ url: '', error: error.message || t('error.no-answer') }); });
    return () => { gone = true; if (url) URL.revokeObjectURL(url); };
  }, [path]);
  if (found.error) return html`<span class="picture failed">${t('pictures.failed')} ${found.error}</span>`;
  return found.url ? html`<img class="picture" src=${found.url} alt=${alt} />` : html`<span class="picture" aria-busy="true"></span>`;
}
