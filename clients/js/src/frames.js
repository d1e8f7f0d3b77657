// Frames of the server, read and checked; frames of the client, written.

import { utf8Length } from './bytes.js';
import { decodeCbor, encodeCbor } from './cbor.js';
import { count, integer, place, shown, text } from './check.js';
import { ProtocolError } from './errors.js';
import { readRow } from './rows.js';

/**
 * @typedef {[number, number, number, number]} Place critical epoch and number, normal epoch and number
 * @typedef {'json' | 'cbor'} Encoding
 * @typedef {{ t: 'welcome', session: string, node: string, engine: string, time: number, heartbeat_ms: number, role: string, max_frame: number, max_subs: number }} Welcome
 * @typedef {{ t: 'subscribed', sub: number, recovery: string, deliver: string, at: Place, resumed: boolean }} Subscribed
 * @typedef {{ t: 'data', sub: number, u: import('./rows.js').Row[], at: Place }} Data
 * @typedef {{ t: 'ready', sub: number, at: Place }} Ready
 * @typedef {{ t: 'gap', sub: number, lane: 'critical' | 'normal', from: number, to: number, reason: string }} Gap
 * @typedef {{ t: 'reset', sub: number }} Reset
 * @typedef {{ t: 'ended', sub: number, code: string, detail: string }} Ended
 * @typedef {{ t: 'beat', time: number }} Beat
 * @typedef {{ t: 'pong', id: number, time: number }} Pong
 * @typedef {{ t: 'result', id: number, status: number, body: unknown }} Result
 * @typedef {{ t: 'stats', id: number, [more: string]: unknown }} StatsFrame
 * @typedef {{ t: 'refused', id?: number, sub?: number, code: string, detail: string }} Refused
 * @typedef {{ t: 'bye', code: string, detail: string, retry_after_ms?: number, active?: string }} Bye
 * @typedef {Subscribed | Data | Ready | Gap | Reset | Ended} OfSubscription
 * @typedef {OfSubscription | Welcome | Beat | Pong | Result | StatsFrame | Refused | Bye} ServerFrame
 */

/** The longest message that is read, in bytes: far above any frame that a server sends. */
export const MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * How many bytes a message has, as credit counts them.
 *
 * @param {string | Uint8Array} message
 */
export function sizeOf(message) {
  return typeof message === 'string' ? utf8Length(message) : message.length;
}

/**
 * Reads a message.
 *
 * @param {string | Uint8Array} message a text message is JSON, a binary one CBOR
 * @param {Encoding} encoding what was agreed on
 * @returns {ServerFrame | null} null for a type that this version does not know
 * @throws {ProtocolError}
 */
export function readMessage(message, encoding) {
  if ((typeof message === 'string') !== (encoding === 'json')) {
    throw new ProtocolError('a message in the other encoding');
  }
  let frame;
  try {
    frame = typeof message === 'string' ? JSON.parse(message) : decodeCbor(message);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError('a message that is no JSON');
  }
  return readFrame(frame, encoding);
}

/**
 * @param {unknown} frame
 * @param {Encoding} encoding
 * @returns {ServerFrame | null}
 */
function readFrame(frame, encoding) {
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    throw new ProtocolError(`a frame is no object: ${shown(frame)}`);
  }
  const it = /** @type {Record<string, unknown>} */ (frame);
  const type = text(it.t, 'the type of a frame');
  const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  return read ? read(it, encoding) : null;
}

/** @type {Record<string, (it: Record<string, unknown>, encoding: Encoding) => ServerFrame>} */
const READERS = {
  welcome: (it) => ({
    t: 'welcome',
    session: text(it.session, 'session'),
    node: text(it.node, 'node'),
    engine: text(it.engine, 'engine'),
    time: integer(it.time, 'time'),
    heartbeat_ms: positive(it.heartbeat_ms, 'heartbeat_ms'),
    role: text(it.role, 'role'),
    max_frame: count(it.max_frame, 'max_frame'),
    max_subs: count(it.max_subs, 'max_subs'),
  }),
  subscribed: (it) => ({
    t: 'subscribed',
    sub: count(it.sub, 'sub'),
    recovery: text(it.recovery, 'recovery'),
    deliver: text(it.deliver, 'deliver'),
    at: place(it.at, 'at'),
    resumed: flag(it.resumed, 'resumed'),
  }),
  data: (it, encoding) => {
    if (!Array.isArray(it.u)) throw new ProtocolError('data without rows');
    const u = it.u.map((row) => readRow(row, encoding));
    return { t: 'data', sub: count(it.sub, 'sub'), u, at: place(it.at, 'at') };
  },
  ready: (it) => ({ t: 'ready', sub: count(it.sub, 'sub'), at: place(it.at, 'at') }),
  gap: (it) => {
    const { lane } = it;
    if (lane !== 'critical' && lane !== 'normal') throw new ProtocolError(`no lane: ${shown(lane)}`);
    const [from, to] = [count(it.from, 'from'), count(it.to, 'to')];
    return { t: 'gap', sub: count(it.sub, 'sub'), lane, from, to, reason: text(it.reason, 'reason') };
  },
  reset: (it) => ({ t: 'reset', sub: count(it.sub, 'sub') }),
  ended: (it) => ({ t: 'ended', sub: count(it.sub, 'sub'), code: text(it.code, 'code'), detail: optional(it.detail) }),
  beat: (it) => ({ t: 'beat', time: integer(it.time, 'time') }),
  pong: (it) => ({ t: 'pong', id: count(it.id, 'id'), time: integer(it.time, 'time') }),
  result: (it) => ({
    t: 'result',
    id: count(it.id, 'id'),
    status: count(it.status, 'status'),
    body: it.body ?? null,
  }),
  stats: (it) => ({ ...it, t: 'stats', id: count(it.id, 'id') }),
  refused: (it) => ({
    t: 'refused',
    id: it.id === undefined ? undefined : count(it.id, 'id'),
    sub: it.sub === undefined ? undefined : count(it.sub, 'sub'),
    code: text(it.code, 'code'),
    detail: optional(it.detail),
  }),
  bye: (it) => ({
    t: 'bye',
    code: text(it.code, 'code'),
    detail: optional(it.detail),
    retry_after_ms: it.retry_after_ms == null ? undefined : count(it.retry_after_ms, 'retry_after_ms'),
    active: it.active == null ? undefined : text(it.active, 'active'),
  }),
};

/**
 * @param {unknown} value
 * @param {string} what
 */
function positive(value, what) {
  if (count(value, what) === 0) throw new ProtocolError(`${what} is 0`);
  return /** @type {number} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function flag(value, what) {
  if (typeof value !== 'boolean') throw new ProtocolError(`${what} is no truth value`);
  return value;
}

/** @param {unknown} value a text for people, if there is one */
function optional(value) {
  return value == null ? '' : text(value, 'detail');
}

/**
 * @param {object} frame
 * @param {Encoding} encoding
 * @returns {string | Uint8Array}
 */
export function writeMessage(frame, encoding) {
  return encoding === 'json' ? JSON.stringify(frame) : encodeCbor(frame);
}

/**
 * The texts of the frames in an answer `{…, "frames": [frame, …], …}`: credit counts them as they
 * were written, and writing them again could change their length.
 *
 * @param {string} answer JSON that has been parsed before, so it is sound
 * @returns {string[]}
 */
export function splitFrames(answer) {
  /** @type {string[]} */
  const frames = [];
  let depth = 0;
  let start = -1;
  let inFrames = false;
  let key = '';
  const end = (/** @type {number} */ at) => {
    const frame = answer.slice(start, at).trim();
    if (frame) frames.push(frame);
  };
  for (let i = 0; i < answer.length; i += 1) {
    const c = answer[i];
    if (c === '"') {
      const from = i + 1;
      for (i += 1; answer[i] !== '"'; i += 1) if (answer[i] === '\\') i += 1;
      if (depth === 1) key = answer.slice(from, i);
    } else if (c === '{' || c === '[') {
      depth += 1;
      if (depth === 2 && c === '[' && key === 'frames') [inFrames, start] = [true, i + 1];
    } else if (c === '}' || c === ']') {
      depth -= 1;
      if (depth === 1 && inFrames) {
        inFrames = false;
        end(i);
      }
    } else if (c === ',' && depth === 2 && inFrames) {
      end(i);
      start = i + 1;
    }
  }
  return frames;
}
