// The tree as rows, and what of a plot's points is kept.

/** @typedef {import('../../core/tree.js').Node} Node */
/** @typedef {{nodes: ReadonlyMap<string, Node>, more: boolean}} Branch what is known right below a place */
/** @typedef {Node & {depth: number, open: boolean, size: number, index: number}} Row `size`, `index`: among its brothers */

/**
 * The rows that are seen: branches that are open, with what is below them.
 * @param {ReadonlyMap<string, Branch>} branches by path; empty: the root
 * @param {ReadonlySet<string>} open @param {string} [path] @param {number} [depth] @returns {Row[]}
 */
export function rows(branches, open, path = '', depth = 0) {
  const nodes = [...branches.get(path)?.nodes.values() ?? []].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return nodes.flatMap((node, at) => {
    const isOpen = node.branch && open.has(node.path);
    const row = { ...node, depth, open: isOpen, size: nodes.length, index: at + 1 };
    return isOpen ? [row, ...rows(branches, open, node.path, depth + 1)] : [row];
  });
}

/** All places above a topic, so that it can be seen. @param {string} topic @returns {string[]} */
export function above(topic) {
  const levels = topic.split('/');
  return levels.slice(0, -1).map((_, at) => levels.slice(0, at + 1).join('/'));
}

/** A value in one line. @param {unknown} value @returns {string} */
export function brief(value) {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** Types of what is published by hand; the first one is checked. */
export const TYPES = /** @type {const} */ (['application/json', 'text/plain']);

/** Why a text is no JSON; null if it is. @param {string} text @returns {string|null} */
export function notJson(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @typedef {{at: number[], values: (number|null)[]}} Points seconds since 1970, growing */

/** Points of a plot, at most. */
export const POINTS = 5000;

/**
 * A point that came: what is older than the plot, or came before, is left out.
 * @param {Points} points @param {number} at @param {number} value @param {number} from @returns {Points}
 */
export function appended(points, at, value, from) {
  if (points.at.length > 0 && at <= (points.at.at(-1) ?? 0)) return points;
  const first = Math.max(points.at.findIndex((time) => time >= from), points.at.length + 1 - POINTS, 0);
  const kept = points.at.some((time) => time >= from) ? first : points.at.length;
  return { at: [...points.at.slice(kept), at], values: [...points.values.slice(kept), value] };
}
