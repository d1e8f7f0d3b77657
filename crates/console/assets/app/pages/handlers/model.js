// What of a handler wants attention.

/** @param {Api.Handler} one @returns {'good'|'quiet'|'bad'} */
export function tone(one) {
  if (one.state === 'paused' || one.state === 'standby') return 'quiet';
  return one.state === 'running' && one.dead_letters === 0 ? 'good' : 'bad';
}

/**
 * The handlers by name, each with its lanes.
 * @param {Api.Handler[]} all @returns {{name: string, lanes: Api.Handler[], paused: boolean, dead: number}[]}
 */
export function byName(all) {
  /** @type {Map<string, Api.Handler[]>} */
  const found = new Map();
  for (const one of all) found.set(one.name, [...(found.get(one.name) ?? []), one]);
  return [...found].map(([name, lanes]) => ({
    name, lanes, paused: lanes.some((lane) => lane.paused !== null), dead: lanes.reduce((total, lane) => total + lane.dead_letters, 0),
  }));
}
