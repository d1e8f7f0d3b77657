// Whether the node has got another console since this page was loaded.
import { store } from '../core/store.js';
import { link } from './live.js';

/** Whether the page is of another version than what the node serves now. */
export const outdated = store(false);

/** The version of this very file, from its address. */
const own = import.meta.url.match(/\/console\/([^/]+)\//)?.[1] ?? '';

/** Looks each time the link was lost and is open again: then the node may be another program. */
export function followVersion() {
  let times = 0;
  link.watch(() => {
    const now = link.get();
    if (now.state !== 'open' || now.times === times) return;
    times = now.times;
    if (times === 1) return;
    fetch('/', { cache: 'no-cache' }).then((answer) => answer.text()).then((text) => {
      const served = text.match(/\/console\/([^/]+)\/app\/main\.js/)?.[1];
      outdated.set(served !== undefined && served !== own);
    }).catch(() => {});
  });
}
