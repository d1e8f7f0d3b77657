// The tree of topics, asked for branch by branch, and the values of the branches that are open.
import { behind, children } from '../../core/tree.js';
import { store } from '../../core/store.js';
import { get, part } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { useEffect, useStore } from '../../parts/html.js';

/** Requests for one branch, at most: what is behind is not shown, and that is said. */
const REQUESTS = 40;
const PAGE = 250;
/** How often values are drawn, in milliseconds. */
const EVERY = 250;

/** @typedef {ReadonlyMap<string, import('./model.js').Branch>} Branches */

export const branches = store(/** @type {Branches} */ (new Map()));
export const open = store(/** @type {ReadonlySet<string>} */ (new Set()));
export const values = store(/** @type {ReadonlyMap<string, import('../../data/live.js').Held>} */ (new Map()));
export const trouble = store('');

/** @type {Map<string, import('../../data/live.js').Held>} */
const waiting = new Map();

/** @param {import('../../data/live.js').Held} held */
function onValue(held) {
  if (waiting.size === 0) setTimeout(draw, EVERY);
  waiting.set(held.topic, held);
}

function draw() {
  const now = new Map(values.get());
  for (const [topic, held] of waiting) if (held.deleted) now.delete(topic); else now.set(topic, held);
  // What is new right below an open branch is part of the tree from now on.
  branches.update((known) => {
    let changed = null;
    for (const topic of waiting.keys()) {
      const prefix = topic.slice(0, Math.max(0, topic.lastIndexOf('/')));
      const branch = (changed ?? known).get(prefix);
      const node = children(prefix, [topic]).values().next().value;
      if (!branch || !node || branch.nodes.get(node.name)?.leaf) continue;
      const nodes = new Map(branch.nodes).set(node.name, { ...node, branch: branch.nodes.get(node.name)?.branch ?? false });
      changed = new Map(changed ?? known).set(prefix, { ...branch, nodes });
    }
    return changed ?? known;
  });
  waiting.clear();
  values.set(now);
}

/**
 * Asks for what is right below a place. What is below a child is skipped, so that a branch with
 * many records costs no more than one with many children.
 * @param {string} prefix
 */
export async function load(prefix) {
  /** @type {Map<string, import('../../core/tree.js').Node>} */
  const nodes = new Map();
  let after = /** @type {string|null} */ (null);
  try {
    for (let asked = 0; asked < REQUESTS; asked += 1) {
      /** @type {{records: Api.Record[], next: string|null}} */
      const page = await get(`/v1/tree${prefix ? `/${part(prefix)}` : ''}`, { limit: PAGE, after });
      for (const [name, node] of children(prefix, page.records.map((record) => record.topic))) {
        const known = nodes.get(name);
        nodes.set(name, { ...node, leaf: node.leaf || Boolean(known?.leaf), branch: node.branch || Boolean(known?.branch) });
      }
      after = page.next && nodes.size > 0 ? behind([...nodes.values()].at(-1)?.path ?? '') : null;
      if (!after) break;
    }
    trouble.set('');
    branches.update((now) => new Map(now).set(prefix, { nodes, more: after !== null }));
  } catch (error) {
    trouble.set(error instanceof Error ? error.message : String(error));
  }
}

/** @param {string} path */
export function expand(path) {
  if (open.get().has(path)) return;
  open.update((now) => new Set(now).add(path));
  load(path);
}

/** @param {string} path */
export const collapse = (path) => open.update((now) => new Set([...now].filter((one) => one !== path)));

/** Asks anew for all that is open. */
export const reload = () => ['', ...open.get()].forEach(load);

/** Follows the values right below what is open, while the calling component is shown. */
export function useTree() {
  const expanded = useStore(open);
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  useEffect(() => { if (node) { load(''); if (open.get().size === 0) expand(node); else reload(); } }, [node, times]);
  const list = [...expanded].sort().join('\n');
  useEffect(() => {
    const stops = list.split('\n').filter(Boolean).map((path) => watch(`${path}/+`, { every: EVERY }, onValue));
    return () => stops.forEach((stop) => stop());
  }, [list]);
}
