// How long to wait before the next attempt.

/**
 * Full jitter: anything from nothing up to a bound that doubles with each failure. Many clients that
 * lost the same server so come back spread over the whole time, and not together.
 */
export class Backoff {
  /**
   * @param {object} [limits]
   * @param {number} [limits.base_ms] the bound after the first failure
   * @param {number} [limits.cap_ms] the highest bound
   */
  constructor({ base_ms = 500, cap_ms = 30_000 } = {}) {
    this.base = base_ms;
    this.cap = cap_ms;
  }

  /**
   * @param {number} failures in a row; 0 and 1 have the same bound
   * @returns {number} milliseconds
   */
  bound(failures) {
    // 2^20 is beyond any cap, and no number overflows.
    return Math.min(this.cap, this.base * 2 ** Math.min(Math.max(failures - 1, 0), 20));
  }

  /**
   * @param {number} failures in a row
   * @param {number} random 0 up to 1
   * @returns {number} milliseconds
   */
  pause(failures, random) {
    return Math.floor(this.bound(failures) * random);
  }
}
