// Chance with a seed, so that a failure repeats.

/** @param {number} seed */
export function generator(seed) {
  let state = seed >>> 0;
  /** 0 up to 1 (mulberry32) */
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (/** @type {number} */ n) => Math.floor(next() * n);
  return { next, below, one: (/** @type {any[]} */ of) => of[below(of.length)] };
}

/** @typedef {ReturnType<typeof generator>} Random */

/** Printed by each test that uses it. Another one: SPICA_SEED=7 node --test */
export const SEED = Number(process.env.SPICA_SEED ?? 20_261_122);

/**
 * A value of JSON.
 *
 * @param {Random} random
 * @param {number} [depth]
 * @returns {any}
 */
export function anyJson(random, depth = 0) {
  const scalars = [null, true, false, 0, -1, 1.5, 1e300, 2 ** 40, -(2 ** 31) - 1, '', 'grüß', '\u{1F600}', 'x'.repeat(300)];
  if (depth > 3 || random.below(3) === 0) return random.one(scalars);
  if (random.below(2) === 0) return Array.from({ length: random.below(5) }, () => anyJson(random, depth + 1));
  const entries = Array.from({ length: random.below(5) }, () => [random.one(['a', 'b', 'c', '__proto__', '']), anyJson(random, depth + 1)]);
  return Object.fromEntries(entries);
}

/**
 * @param {Random} random
 * @param {number} length at most
 */
export function anyBytes(random, length) {
  return Uint8Array.from({ length: random.below(length + 1) }, () => random.below(256));
}
