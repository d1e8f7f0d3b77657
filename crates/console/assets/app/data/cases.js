// The cases that are open, always at hand: whatever page is shown, a new alarm is heard.
import { store } from '../core/store.js';
import { caseState } from '../core/severity.js';
import { getAll } from './api.js';
import { link, watch } from './live.js';

/** @typedef {{all: ReadonlyMap<string, Api.Case>, loaded: boolean, error: string|null}} Cases */

/** Open cases, and those that were closed while this page is open. */
export const cases = store(/** @type {Cases} */ ({ all: new Map(), loaded: false, error: null }));

/** Cases that were raised since this page was opened, the newest last. */
export const raised = store(/** @type {readonly Api.Case[]} */ ([]));

const KEPT_CLOSED = 200;

/** @param {Map<string, Api.Case>} all */
function forgetClosed(all) {
  const closed = [...all.values()].filter((c) => c.state === 'closed');
  closed.sort((a, b) => (a.closed?.at ?? '').localeCompare(b.closed?.at ?? ''));
  for (const old of closed.slice(0, Math.max(0, closed.length - KEPT_CLOSED))) all.delete(old.id);
}

/** Updates that came since the list was asked for: they are newer than what it says. @type {Map<string, Api.Case>} */
let fresh = new Map();

/** @param {import('./live.js').Held} held */
function onValue(held) {
  const id = held.topic.slice(held.topic.lastIndexOf('/') + 1);
  if (held.deleted || !held.value) {
    cases.update((now) => {
      const all = new Map(now.all);
      all.delete(id);
      return { ...now, all };
    });
    return;
  }
  const found = /** @type {Api.Case} */ ({ .../** @type {object} */ (held.value), id });
  found.state = caseState(found);
  fresh.set(id, found);
  apply(found);
}

/** @param {Api.Case} found */
export function apply(found) {
  const { all, loaded } = cases.get();
  const known = all.get(found.id);
  const changed = new Map(all).set(found.id, found);
  forgetClosed(changed);
  cases.update((now) => ({ ...now, all: changed }));
  const anew = !known || (known.last_raised_at !== found.last_raised_at && found.state === 'unacknowledged');
  if (loaded && anew && found.state !== 'closed') raised.update((now) => [...now, found].slice(-50));
}

/** How often the list was asked for: only the last answer counts. */
let asked = 0;

/** Asks for all open cases, and joins what happened meanwhile. */
async function load() {
  asked += 1;
  const mine = asked;
  fresh = new Map();
  try {
    const { items } = await getAll('/v1/cases', 'cases', { state: 'open', limit: 1000 }, { cursor: 'before' });
    if (mine !== asked) return;
    /** @type {Map<string, Api.Case>} */
    const all = new Map();
    for (const [id, old] of cases.get().all) if (old.state === 'closed') all.set(id, old);
    for (const item of /** @type {Api.Case[]} */ (items)) all.set(item.id, item);
    for (const [id, item] of fresh) all.set(id, item);
    forgetClosed(all);
    cases.set({ all, loaded: true, error: null });
  } catch (error) {
    if (mine !== asked) return;
    cases.update((now) => ({ ...now, error: error instanceof Error ? error.message : String(error) }));
  }
}

/** Begins to follow them, as long as the page is open. */
export function followCases() {
  let [stop, times, node] = [() => {}, 0, ''];
  link.watch(() => {
    const now = link.get();
    if (now.state === 'off') {
      stop();
      [stop, times, node] = [() => {}, 0, ''];
      cases.set({ all: new Map(), loaded: false, error: null });
      return;
    }
    if (now.state !== 'open' || now.times === times) return;
    times = now.times;
    if (node !== now.node) {
      stop();
      node = now.node;
      stop = watch(`${node}/alarms/cases/+`, { kinds: 'state', snapshot: false }, onValue, load);
    }
    load();
  });
}
