// What the overview and the pages of operation ask again and again.
import { parse } from '../../core/metrics.js';
import { store } from '../../core/store.js';
import { get, getText } from '../../data/api.js';
import { nodeNow } from '../../data/clock.js';
import { alone, askPair } from '../../data/partner.js';
import { poll } from '../../data/poll.js';
import { joined } from './model.js';

const EVERY = 5000;
const SOON = 1000;

/** @type {import('../../core/store.js').Store<import('./model.js').Reading[]>} */
export const readings = store(/** @type {import('./model.js').Reading[]} */ ([]));

/** @type {ReturnType<typeof poll<import('../../core/metrics.js').Sample[]>>} */
export const metrics = poll(async () => {
  const samples = parse(await getText('/metrics'));
  readings.update((kept) => joined(kept, { at: nodeNow(), samples }));
  // A rate needs two readings: the second one comes soon.
  if (readings.get().length === 1) setTimeout(() => metrics.now(), SOON);
  return samples;
}, EVERY);

/** 503 has the same body: it says which part does not do its work. */
export const health = poll(async () => {
  const answer = await fetch('/health/ready', { cache: 'no-store', signal: AbortSignal.timeout(EVERY) });
  return /** @type {Api.Ready} */ (await answer.json());
}, EVERY);

/** Null: the node is alone. Then it is not asked again, before it was started anew. */
export const pair = poll(async () => (alone ? null : askPair()), EVERY);

export const desk = poll(() => /** @type {Promise<Api.Desk>} */ (get('/v1/alerts')), EVERY);

export const handlers = poll(async () => /** @type {Api.Handler[]} */ ((await get('/v1/handlers')).handlers), EVERY);
