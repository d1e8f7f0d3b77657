// Server-sent events, read with fetch: EventSource could send no token.

import { MESSAGE_BYTES } from '../frames.js';
import { Failed, HttpSession, linkOf } from './http.js';

/**
 * @param {import('./ws.js').Opening} opening
 * @returns {import('./ws.js').Link}
 */
export function openSse(opening) {
  const session = new HttpSession(opening);
  return linkOf(session, () => follow(session));
}

/** @param {HttpSession} session */
async function follow(session) {
  const { ear } = session.opening;
  const tell = (/** @type {string} */ frame) => {
    if (!session.over) ear.message(frame);
  };
  const first = await session.open();
  const events = new Events();
  // The way has worked only when its stream is there, so the welcome waits for it.
  let body = isWelcome(first[0]) ? await stream(session, events) : null;
  first.forEach(tell);
  while (body && !session.over) {
    const before = events.count;
    await read(body, events, tell, () => ear.alive());
    if (session.over || events.count === before) return;
    // A stream that brought something broke: proxies do that. The session goes on where it was.
    body = await stream(session, events);
  }
}

/** @param {string | undefined} frame */
function isWelcome(frame) {
  return frame !== undefined && JSON.parse(frame)?.t === 'welcome';
}

/**
 * @param {HttpSession} session
 * @param {Events} events
 */
async function stream(session, events) {
  const headers = { accept: 'text/event-stream', 'last-event-id': events.lastId };
  const answer = await session.request('/events', { headers });
  const type = answer.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream') || !answer.body) {
    await answer.body?.cancel();
    throw new Failed({ detail: `no stream of events, but ${type}` });
  }
  return answer.body;
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {Events} events
 * @param {(frame: string) => void} tell
 * @param {() => void} alive
 */
async function read(body, events, tell, alive) {
  const reader = body.getReader();
  const text = new TextDecoder();
  events.begin();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      for (const frame of events.push(text.decode(value, { stream: true }))) tell(frame);
    }
  } catch (error) {
    if (error instanceof Failed) throw error;
    // The stream broke; what follows is the same as when it ended.
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The parser of a stream of events. */
export class Events {
  constructor() {
    /** Goes back to the server, to go on after it. */
    this.lastId = '0';
    /** How many there were. */
    this.count = 0;
    /** A line that is not complete. */
    this.rest = '';
    /** The event that is not complete. @type {string[]} */
    this.data = [];
    this.length = 0;
    this.id = '';
  }

  /** A new stream: half an event of the one before is none. */
  begin() {
    this.rest = '';
    this.data = [];
    this.length = 0;
    this.id = '';
  }

  /**
   * @param {string} text
   * @returns {string[]} the data of the events that are complete
   */
  push(text) {
    this.rest += text;
    // The length of what is not complete is bounded, by line and by event.
    if (this.rest.length + this.length > MESSAGE_BYTES) {
      throw new Failed({ detail: 'an event that is too long', protocol: true });
    }
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    /** @type {string[]} */
    const done = [];
    for (const line of lines) this.#line(line, done);
    return done;
  }

  /**
   * @param {string} line
   * @param {string[]} done
   */
  #line(line, done) {
    if (line === '') {
      if (this.data.length > 0) {
        done.push(this.data.join('\n'));
        this.count += 1;
        if (this.id) this.lastId = this.id;
      }
      this.data = [];
      this.length = 0;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      this.data.push(value);
      this.length += value.length;
    } else if (field === 'id' && !value.includes('\0')) this.id = value;
  }
}
