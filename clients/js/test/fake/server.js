// A server that is told what to say. It speaks all three ways, and hides their difference.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { toCbor, fromCbor } from './cbor-rows.js';
import { ServerSocket } from './socket.js';

/** @typedef {{ t: string, [key: string]: any }} Frame */

/** One session: a WebSocket, or what a POST has opened. */
export class FakeSession {
  /** @param {'ws' | 'http'} kind */
  constructor(kind) {
    this.kind = kind;
    /** @type {'ws' | 'sse' | 'poll' | null} null until a stream or an answer is asked for */
    this.way = kind === 'ws' ? 'ws' : null;
    this.encoding = 'json';
    /** @type {Frame | null} */
    this.hello = null;
    /** What the client has sent and nobody has looked at. @type {Frame[]} */
    this.inbox = [];
    /** All frames for the stream, as texts. @type {string[]} */
    this.log = [];
    this.over = false;
    /** The bytes of the `data` frames, and of the credit that came back for them. */
    this.dataBytes = 0;
    this.given = 0;
    this.changed = () => {};
    /** @type {ServerSocket | null} */
    this.socket = null;
    /** Answers the POST that opened it. @type {((status: number, frames: string[], retryAfterS?: number) => void) | null} */
    this.answerOpening = null;
    /** Completes the upgrade of a WebSocket. */
    this.accept = () => {};
    /** @type {import('node:http').ServerResponse | null} */
    this.stream = null;
    /** @type {{ response: import('node:http').ServerResponse, after: number } | null} */
    this.poll = null;
    this.sentTo = 0;
  }

  /** @param {Frame} frame */
  said(frame) {
    if (frame.t === 'hello' && !this.hello) this.hello = frame;
    else {
      if (frame.t === 'credit') this.given += frame.bytes;
      this.inbox.push(frame);
    }
    this.changed();
  }

  /** @param {Frame} frame */
  send(frame) {
    const message = this.encoding === 'json' ? JSON.stringify(frame) : toCbor(frame);
    if (frame.t === 'data') this.dataBytes += Buffer.byteLength(message);
    this.sendRaw(message);
  }

  /** @param {string | Uint8Array} message */
  sendRaw(message) {
    if (this.socket) return this.socket.send(message);
    if (this.answerOpening) {
      this.answerOpening(200, [String(message)]);
      this.answerOpening = null;
      return;
    }
    this.log.push(String(message));
    this.flush();
  }

  flush() {
    if (this.stream) {
      for (; this.sentTo < this.log.length; this.sentTo += 1) {
        this.stream.write(`id: ${this.sentTo + 1}\ndata: ${this.log[this.sentTo]}\n\n`);
      }
    } else if (this.poll && this.poll.after < this.log.length) {
      const { response, after } = this.poll;
      this.poll = null;
      const frames = this.log.slice(after).join(' , ');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{ "next": ${this.log.length}, "frames": [ ${frames} ] }`);
    }
  }

  /** Ends the stream that is open, and nothing else. */
  drop() {
    this.stream?.destroy();
    this.poll?.response.destroy();
    this.stream = this.poll = null;
  }

  cut() {
    this.over = true;
    this.socket?.destroy();
    this.drop();
  }
}

export class FakeServer {
  /** @param {string[]} ways */
  constructor(ways) {
    this.ways = ways;
    /** @type {FakeSession[]} that nobody has accepted */
    this.arrived = [];
    /** @type {Map<string, FakeSession>} */
    this.sessions = new Map();
    /** @type {Set<FakeSession>} */
    this.all = new Set();
    this.changed = () => {};
    /** Headers of each request, for tests that look. @type {import('node:http').IncomingMessage[]} */
    this.requests = [];
    this.http = createServer((request, response) => void this.request(request, response));
    this.http.on('upgrade', (request, socket) => this.upgrade(request, socket));
  }

  async start() {
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
    const address = this.http.address();
    if (typeof address !== 'object' || !address) throw new Error('no address');
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  stop() {
    for (const session of this.all) session.cut();
    this.http.close();
    this.http.closeAllConnections();
  }

  /** @param {FakeSession} session */
  arrive(session) {
    this.all.add(session);
    session.changed = () => this.changed();
    this.arrived.push(session);
    this.changed();
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:stream').Duplex} socket
   */
  upgrade(request, socket) {
    socket.on('error', () => {});
    this.requests.push(request);
    const offered = request.headers['sec-websocket-protocol']?.split(/, */) ?? [];
    const protocol = offered.find((it) => /^spica\.live\.v1\.(json|cbor)$/.test(it));
    if (!this.ways.includes('ws') || request.url !== '/v1/live/ws' || !protocol) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const session = new FakeSession('ws');
    session.encoding = protocol.endsWith('cbor') ? 'cbor' : 'json';
    session.answerOpening = (status, _, retryAfterS) => {
      session.over = true;
      const retry = retryAfterS ? `Retry-After: ${retryAfterS}\r\n` : '';
      socket.end(`HTTP/1.1 ${status} No\r\n${retry}Content-Length: 0\r\nConnection: close\r\n\r\n`);
    };
    session.accept = () => this.open(session, request, socket, protocol);
    this.arrive(session);
  }

  /**
   * @param {FakeSession} session
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:stream').Duplex} socket
   * @param {string} protocol
   */
  open(session, request, socket, protocol) {
    const it = new ServerSocket(request, socket, protocol);
    session.socket = it;
    session.answerOpening = null;
    it.onmessage = (message) => {
      session.said(typeof message === 'string' ? JSON.parse(message) : fromCbor(message));
    };
    it.onend = () => {
      session.over = true;
      session.changed();
    };
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async request(request, response) {
    this.requests.push(request);
    let body = '';
    for await (const part of request) body += part;
    const url = new URL(request.url ?? '/', 'http://x');
    const [, id, what] = /^\/v1\/live\/sessions(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    const session = id ? this.sessions.get(id) : undefined;
    const no = (/** @type {number} */ status) => void response.writeHead(status).end();
    if (url.pathname === '/v1/live/sessions' && request.method === 'POST' && this.ways.some((it) => it !== 'ws')) {
      this.opening(request, response, JSON.parse(body));
    } else if (!session || session.over) no(404);
    else if (request.headers.authorization !== 'Bearer secret') no(401);
    else if (request.method === 'DELETE') {
      session.over = true;
      session.drop();
      no(204);
    } else if (request.method === 'POST' && !what) {
      for (const frame of JSON.parse(body)) session.said(frame);
      no(202);
    } else if (what === 'events' && this.ways.includes('sse')) this.events(session, request, response);
    else if (what === 'poll' && this.ways.includes('poll')) this.polled(session, url, response);
    else no(404);
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   * @param {Frame} hello
   */
  opening(request, response, hello) {
    const session = new FakeSession('http');
    const id = `s${this.all.size}-of-128-bits`;
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    session.answerOpening = (status, frames, retryAfterS) => {
      if (status !== 200) session.over = true;
      const retry = retryAfterS ? { 'retry-after': String(retryAfterS) } : {};
      response.writeHead(status, { 'content-type': 'application/json', ...retry });
      response.end(status === 200 ? `{"session":${JSON.stringify(id)},"frames":[${frames.join(',')}]}` : '{}');
    };
    response.on('close', () => {
      // Only one that broke off: an answer ends too.
      if (response.writableFinished) return;
      session.over = true;
      session.changed();
    });
    this.sessions.set(id, session);
    this.arrive(session);
    session.said(token ? { token, ...hello } : hello);
  }

  /**
   * @param {FakeSession} session
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  events(session, request, response) {
    session.drop();
    session.way = 'sse';
    session.stream = response;
    session.sentTo = Number(request.headers['last-event-id'] ?? 0);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': begins\n\n');
    session.flush();
    session.changed();
  }

  /**
   * @param {FakeSession} session
   * @param {URL} url
   * @param {import('node:http').ServerResponse} response
   */
  polled(session, url, response) {
    session.drop();
    session.way = 'poll';
    session.poll = { response, after: Number(url.searchParams.get('after')) };
    session.flush();
    session.changed();
  }
}
