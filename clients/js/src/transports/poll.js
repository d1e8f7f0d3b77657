// Long-poll: a request that waits until there is something to say.

import { Failed, HttpSession, linkOf, parse, textOf } from './http.js';
import { splitFrames } from '../frames.js';

/** How long a request waits, in milliseconds: less than proxies do. */
const WAIT_MS = 20_000;

/**
 * @param {import('./ws.js').Opening} opening
 * @returns {import('./ws.js').Link}
 */
export function openPoll(opening) {
  const session = new HttpSession(opening);
  return linkOf(session, () => follow(session));
}

/** @param {HttpSession} session */
async function follow(session) {
  const { ear } = session.opening;
  const tell = (/** @type {string} */ frame) => {
    if (!session.over) ear.message(frame);
  };
  (await session.open()).forEach(tell);
  let after = 0;
  let lost = 0;
  while (!session.over) {
    let text;
    try {
      text = await textOf(await session.request(`/poll?after=${after}&timeout_ms=${WAIT_MS}`, {}));
    } catch (error) {
      // An answer that was lost comes again, but a session that is gone does not.
      lost += 1;
      if (session.over || lost > 1 || !wasLost(error)) throw error;
      continue;
    }
    lost = 0;
    const { next } = parse(text);
    if (!Number.isSafeInteger(next) || Number(next) < after) {
      throw new Failed({ detail: 'an answer without its next', protocol: true });
    }
    after = Number(next);
    ear.alive();
    splitFrames(text).forEach(tell);
  }
}

/** @param {unknown} error */
function wasLost(error) {
  return error instanceof Failed && !error.end.answered && !error.end.protocol && !error.end.status;
}
