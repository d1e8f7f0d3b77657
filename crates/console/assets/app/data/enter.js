// Coming in and going out.
import { Problem, get } from './api.js';
import { connect, disconnect } from './live.js';
import { forget, keep, session, setSession, token } from './session.js';

/** How often a node that does not answer is asked again at the start, in milliseconds. */
const AGAIN = 3000;

/** Finds out whether one is in: with the token that is kept, or since the node is open. */
export async function check() {
  const before = session.get();
  try {
    await get('/v1/alerts');
    setSession({ phase: 'in', open: token() === '', refused: null });
    connect();
  } catch (error) {
    const status = error instanceof Problem ? error.status : 0;
    if (status === 401) {
      // Why a token was refused, if there was one, is known already.
      setSession({ phase: 'out' });
    } else if (status === 403) {
      forget();
      setSession({ phase: 'out', refused: error instanceof Error ? error.message : null });
    } else {
      setSession({ phase: before.phase, refused: error instanceof Error ? error.message : null });
      setTimeout(check, AGAIN);
    }
  }
}

/** @param {string} secret @param {boolean} remember beyond this tab */
export async function enter(secret, remember) {
  keep(secret, remember);
  setSession({ phase: 'checking', refused: null });
  await check();
}

/** Signs out. */
export function leave() {
  disconnect();
  forget();
  setSession({ phase: 'out', role: null, refused: null });
}

// A token that the node takes no more ends everything that is shown by it.
session.watch(() => { if (session.get().phase === 'out') disconnect(); });
