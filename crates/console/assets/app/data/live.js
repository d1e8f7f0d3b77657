// What happens, as it happens: the one connection of the console. The pages know this module only,
// not the client behind it.
import { connect as open } from 'spica-live';
import { store } from '../core/store.js';
import { nodeNow, setNodeTime } from './clock.js';
import { forget, setSession, token } from './session.js';

/**
 * @typedef {object} Held the last value of a topic, or an event
 * @property {string} topic
 * @property {unknown} value JSON, a text; undefined if it is bytes
 * @property {string} contentType
 * @property {'good'|'uncertain'|'bad'} quality
 * @property {number} received milliseconds since 1970
 * @property {number|null} source when it happened, says the source
 * @property {'state'|'event'} kind
 * @property {boolean} critical
 * @property {boolean} deleted
 */

/**
 * @typedef {object} Link
 * @property {'off'|'connecting'|'open'|'lost'} state
 * @property {number} since when that began
 * @property {number} heard when the node was last heard of, as far as is known; 0: never
 * @property {string} node path of the node; empty: not known
 * @property {number} times how often it was opened
 * @property {string} why it was lost, for people
 */

/**
 * @typedef {object} Options
 * @property {'all'|'state'|'event'} [kinds]
 * @property {boolean} [snapshot] begin with the last value of each topic (true without it)
 * @property {number} [every] milliseconds between updates, at least
 */

/** The longest pause between two attempts: an operator waits. */
const BACKOFF = { base_ms: 300, cap_ms: 5000 };
/** How often the node is asked whether it is there, in milliseconds. */
const PULSE = 5000;
/** How exactly it is known when the node was last heard of, in milliseconds. */
const HEARD = 1000;

/** @type {import('../core/store.js').Store<Link>} */
export const link = store(/** @type {Link} */ ({ state: 'off', since: nodeNow(), heard: 0, node: '', times: 0, why: '' }));

/** What the node would not let the console follow; empty: nothing. */
export const refusal = store('');

/** @typedef {{filter: string, options: Options, onValue: (held: Held) => void, onReset: (() => void)|undefined, stop: () => void}} Watch */
/** @type {Set<Watch>} */
const watches = new Set();
/** @typedef {ReturnType<typeof open>} Client */
/** @type {Client|null} */
let client = null;

/** @param {Partial<Link>} change */
const setLink = (change) => link.update((now) => ({ ...now, ...change }));

/** @param {any} event an update or a deletion @returns {Held} */
const held = (event) => ({
  topic: event.topic, value: event.value instanceof Uint8Array ? undefined : event.value,
  contentType: event.contentType ?? '', quality: event.quality, received: event.received / 1000,
  source: event.source === null ? null : event.source / 1000, kind: event.kind ?? 'state',
  critical: event.position.lane === 'critical', deleted: event.type === 'deleted',
});

/** Begins to hear of what a watch wants. @param {Watch} watch */
function begin(watch) {
  if (!client) return;
  const { kinds = 'all', snapshot = true, every = 0 } = watch.options;
  const subscription = client.subscribe(watch.filter, { kinds, snapshot, min_interval_ms: every }, (event) => {
    if (nodeNow() - link.get().heard > HEARD) setLink({ heard: nodeNow() });
    if (event.type === 'update' || event.type === 'deleted') watch.onValue(held(event));
    // Something was missed: what the page holds may not be so any more. Or it begins to be told of
    // what changes, and what was asked for before may have changed in between.
    else if (event.type === 'reset' || event.type === 'gap' || (event.type === 'ready' && !snapshot)) watch.onReset?.();
    else if (event.type === 'refused' || event.type === 'ended') refusal.set(event.detail || event.code);
  });
  watch.stop = () => subscription.unsubscribe();
}

/** @param {Client} mine @param {{state: string, reason: string|null, detail: string}} event */
function onState(mine, { state, reason, detail }) {
  if (mine !== client) return;
  if (reason === 'unauthorized') {
    disconnect();
    forget();
    setSession({ phase: 'out', role: null, refused: detail });
  } else if (state === 'open') {
    const { welcome } = mine;
    setNodeTime(mine.serverNow());
    setSession({ role: /** @type {import('../core/roles.js').Role} */ (welcome?.role ?? null) });
    setLink({ state, since: nodeNow(), heard: nodeNow(), node: welcome?.node ?? '', times: link.get().times + 1, why: '' });
  } else if (state === 'lost' || state === 'connecting') {
    setLink({ state, since: nodeNow(), why: detail });
  }
}

/** Opens the way to the node, and again whenever it breaks. */
export function connect() {
  disconnect();
  const mine = open({ endpoints: location.origin, client: 'console', backoff: BACKOFF, timeout_ms: PULSE, ...(token() ? { token: token() } : {}) });
  client = mine;
  setLink({ state: 'connecting', since: nodeNow() });
  mine.on('state', (event) => onState(mine, event));
  mine.on('error', (error) => console.error(error));
  for (const watch of watches) begin(watch);
}

/** Closes it. */
export function disconnect() {
  const last = client;
  client = null;
  last?.close();
  setLink({ state: 'off', since: nodeNow() });
}

/** The connection that is open and on which nobody answers. @type {Client|null} */
let mute = null;

// Whether it is still there is not known from silence: it is asked.
setInterval(() => {
  const mine = client;
  if (!mine || mine.state !== 'open') return;
  mine.ping().then(() => {
    if (mine !== client) return;
    setNodeTime(mine.serverNow());
    const now = link.get();
    if (now.state === 'open') setLink({ heard: nodeNow() });
    // It answers again, over the same connection: what came meanwhile is not known.
    else if (mute === mine && mine.state === 'open') setLink({ state: 'open', since: nodeNow(), heard: nodeNow(), times: now.times + 1 });
    mute = null;
  }).catch(() => {
    // A connection on which nobody answers is none, whatever its socket says.
    if (mine !== client || mine.state !== 'open' || mute) return;
    mute = mine;
    setLink({ state: 'lost', since: link.get().heard });
  });
}, PULSE);

/**
 * Hears of what matches a filter, over all connections to come.
 * @param {string} filter @param {Options} options
 * @param {(held: Held) => void} onValue
 * @param {() => void} [onReset] what is known so far may be out of date: something was missed, or, without a
 *   snapshot, what was asked for before this is told of changes. Ask for it now
 * @returns {() => void} the end of it
 */
export function watch(filter, options, onValue, onReset) {
  /** @type {Watch} */
  const made = { filter, options, onValue, onReset, stop: () => {} };
  watches.add(made);
  begin(made);
  return () => {
    watches.delete(made);
    made.stop();
  };
}
