// A tree of topics of which a part is known.

/** @typedef {{name: string, path: string, leaf: boolean, branch: boolean}} Node */

/**
 * What stands right below `prefix`, of topics that are at or below it.
 * @param {string} prefix without a final slash; empty: the root of all
 * @param {Iterable<string>} topics @returns {Map<string, Node>} by name
 */
export function children(prefix, topics) {
  /** @type {Map<string, Node>} */
  const found = new Map();
  const start = prefix ? `${prefix}/` : '';
  for (const topic of topics) {
    if (!topic.startsWith(start)) continue;
    const [name = '', ...more] = topic.slice(start.length).split('/');
    const node = found.get(name) ?? { name, path: start + name, leaf: false, branch: false };
    if (more.length === 0) node.leaf = true;
    else node.branch = true;
    found.set(name, node);
  }
  return found;
}

/** Behind all topics below `path`: pages of the tree go on there. @param {string} path @returns {string} */
export const behind = (path) => `${path}/\u{10fffd}`;
