// What `/metrics` says: OpenMetrics text, and what two readings of it say together.

/** @typedef {{name: string, labels: Record<string, string>, value: number}} Sample */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** @param {string} text @returns {Sample[]} */
export function parse(text) {
  /** @type {Sample[]} */
  const samples = [];
  for (const line of text.split('\n')) {
    const found = line.startsWith('#') ? null : line.match(LINE);
    if (!found) continue;
    const labels = [...(found[2] ?? '').matchAll(LABEL)].map((label) => [label[1], label[2]]);
    const value = found[3] === '+Inf' ? Infinity : Number(found[3]);
    samples.push({ name: found[1] ?? '', labels: Object.fromEntries(labels), value });
  }
  return samples;
}

/**
 * The sum of all samples of this name with these labels; null if there is none.
 * @param {Sample[]} samples @param {string} name @param {Record<string, string>} [labels]
 * @returns {number|null}
 */
export function sum(samples, name, labels = {}) {
  const wanted = Object.entries(labels);
  const found = samples.filter((s) => s.name === name && wanted.every(([key, value]) => s.labels[key] === value));
  return found.length === 0 ? null : found.reduce((total, sample) => total + sample.value, 0);
}

/**
 * Per second between two readings; null if one is missing or the counter began anew.
 * @param {number|null} before @param {number|null} after @param {number} ms between them
 * @returns {number|null}
 */
export function rate(before, after, ms) {
  if (before === null || after === null || ms <= 0 || after < before) return null;
  return ((after - before) * 1000) / ms;
}

/**
 * The upper bound of the bucket in which a quantile of the observations between two readings lies;
 * null if there were none, Infinity if it is beyond the last bound.
 * @param {Sample[]} before @param {Sample[]} after @param {string} name of the histogram
 * @param {number} quantile @param {Record<string, string>} [labels]
 * @returns {number|null}
 */
export function quantile(before, after, name, quantile, labels = {}) {
  /** @param {Sample[]} samples @returns {Map<number, number>} */
  const buckets = (samples) => {
    const found = new Map();
    for (const s of samples) {
      if (s.name !== `${name}_bucket` || !Object.entries(labels).every(([k, v]) => s.labels[k] === v)) continue;
      const le = s.labels.le === '+Inf' ? Infinity : Number(s.labels.le);
      found.set(le, (found.get(le) ?? 0) + s.value);
    }
    return found;
  };
  const [old, now] = [buckets(before), buckets(after)];
  const bounds = [...now.keys()].sort((a, b) => a - b);
  const seen = bounds.map((le) => (now.get(le) ?? 0) - (old.get(le) ?? 0));
  const total = seen.at(-1) ?? 0;
  if (total <= 0) return null;
  return bounds[seen.findIndex((count) => count >= total * quantile)] ?? null;
}
