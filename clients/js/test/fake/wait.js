// Waiting for what comes, with a deadline.

import { WELCOME } from './script.js';

const DEADLINE_MS = 5_000;

/**
 * @param {() => unknown} condition
 * @param {string} [what]
 */
export async function until(condition, what = String(condition)) {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((done) => setTimeout(done, 1));
  }
}

/**
 * The next session at a server, opened.
 *
 * @param {import('./server.js').FakeServer} server
 * @param {Record<string, unknown>} [welcome] what is different in the welcome
 */
export async function open(server, welcome = {}) {
  await until(() => (server.arrived = server.arrived.filter((it) => !it.over)).length > 0, 'a session');
  const session = /** @type {import('./server.js').FakeSession} */ (server.arrived.shift());
  session.accept();
  await until(() => session.hello, 'a hello');
  session.send({ ...WELCOME, ...welcome });
  return session;
}

/**
 * The next frame of this type, past others.
 *
 * @param {import('./server.js').FakeSession} session
 * @param {string} type
 * @returns {Promise<import('./server.js').Frame>}
 */
export async function heard(session, type) {
  const find = () => session.inbox.findIndex((frame) => frame.t === type);
  await until(() => find() >= 0, `a ${type}`);
  return /** @type {import('./server.js').Frame} */ (session.inbox.splice(find(), 1)[0]);
}
