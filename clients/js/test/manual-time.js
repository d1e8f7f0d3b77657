// Time that stands still until a test moves it.

export class ManualTime {
  constructor() {
    this.ms = 1_800_000_000_000;
    /** @type {{ at: number, then: () => void }[]} */
    this.timers = [];
    this.chance = () => 0.5;
  }

  now = () => this.ms;
  random = () => this.chance();
  after = (/** @type {number} */ ms, /** @type {() => void} */ then) => {
    const timer = { at: this.ms + ms, then };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((it) => it !== timer));
  };

  /** @param {number} ms */
  pass(ms) {
    const end = this.ms + ms;
    for (;;) {
      const next = this.timers.filter((it) => it.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((it) => it !== next);
      this.ms = Math.max(this.ms, next.at);
      next.then();
    }
    this.ms = end;
  }
}
