// A WebSocket for Node.js before version 22, which has none of its own: as much of RFC 6455 as a
// client needs, with the interface of browsers. Never loaded by a browser.

import { createHash, randomBytes } from 'node:crypto';
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import { MESSAGE_BYTES } from '../frames.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class NodeSocket {
  /**
   * @param {string} url `ws://…` or `wss://…`
   * @param {string[]} protocols
   */
  constructor(url, protocols) {
    /** 0 connecting, 1 open, 2 closing, 3 closed */
    this.readyState = 0;
    this.protocol = '';
    this.binaryType = 'arraybuffer';
    /** @type {(() => void) | null} */
    this.onopen = null;
    /** @type {((event: { data: string | ArrayBuffer }) => void) | null} */
    this.onmessage = null;
    /** @type {(() => void) | null} */
    this.onerror = null;
    /** @type {((event: { code: number, reason: string }) => void) | null} */
    this.onclose = null;
    /** @type {import('node:stream').Duplex | null} */
    this.socket = null;
    /** @type {Buffer} */
    this.waiting = Buffer.alloc(0);
    /** @type {Buffer[]} */
    this.parts = [];
    this.partsLength = 0;
    this.kind = 0;
    this.#connect(url, protocols);
  }

  get bufferedAmount() {
    return this.socket?.writableLength ?? 0;
  }

  /**
   * @param {string} url
   * @param {string[]} protocols
   */
  #connect(url, protocols) {
    const key = randomBytes(16).toString('base64');
    const accept = createHash('sha1').update(key + GUID).digest('base64');
    this.request = (url.startsWith('wss:') ? https : http)(url.replace(/^ws/, 'http'), {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': key,
        'sec-websocket-protocol': protocols.join(', '),
      },
    });
    this.request.on('error', () => this.#end(1006, ''));
    this.request.on('response', (answer) => {
      answer.destroy();
      this.#end(1006, `the server answered ${answer.statusCode}`);
    });
    this.request.on('upgrade', (answer, socket, first) => {
      socket.on('error', () => this.#end(1006, ''));
      socket.on('close', () => this.#end(1006, ''));
      this.socket = socket;
      if (this.readyState !== 0 || answer.headers['sec-websocket-accept'] !== accept) {
        return this.#end(1006, 'no WebSocket');
      }
      this.protocol = answer.headers['sec-websocket-protocol'] ?? '';
      this.readyState = 1;
      this.onopen?.();
      socket.on('data', (/** @type {Buffer} */ bytes) => this.#read(bytes));
      if (first.length > 0) this.#read(first);
    });
    this.request.end();
  }

  /** @param {string | Uint8Array} message */
  send(message) {
    if (this.readyState !== 1) return;
    const text = typeof message === 'string';
    this.#write(text ? TEXT : BINARY, text ? Buffer.from(message) : message);
  }

  close() {
    if (this.readyState >= 2) return;
    if (this.readyState === 1) this.#write(CLOSE, Buffer.from([0x03, 0xe8]));
    this.#end(1000, '');
  }

  /**
   * @param {number} opcode
   * @param {Uint8Array} payload
   */
  #write(opcode, payload) {
    const length = payload.length;
    const size = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const frame = Buffer.alloc(2 + size + 4 + length);
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (size === 0 ? length : size === 2 ? 126 : 127);
    if (size === 2) frame.writeUInt16BE(length, 2);
    if (size === 8) frame.writeBigUInt64BE(BigInt(length), 2);
    const mask = randomBytes(4);
    mask.copy(frame, 2 + size);
    for (let i = 0; i < length; i += 1) {
      frame[6 + size + i] = /** @type {number} */ (payload[i]) ^ /** @type {number} */ (mask[i & 3]);
    }
    this.socket?.write(frame);
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes]);
    let at = 0;
    while (this.readyState === 1) {
      const head = headOf(this.waiting, at);
      if (!head) break;
      // Servers do not mask, and we agreed on no extension.
      if (head.masked || head.reserved || head.length > MESSAGE_BYTES) return this.#fail(1002);
      if (this.waiting.length < head.start + head.length) break;
      const payload = this.waiting.subarray(head.start, head.start + head.length);
      at = head.start + head.length;
      this.#frame(head, payload);
    }
    this.waiting = this.waiting.subarray(at);
  }

  /**
   * @param {{ opcode: number, fin: boolean }} head
   * @param {Buffer} payload
   */
  #frame({ opcode, fin }, payload) {
    if (opcode >= CLOSE) {
      if (!fin || payload.length > 125) return this.#fail(1002);
      if (opcode === PING) this.#write(PONG, payload);
      else if (opcode === CLOSE) {
        this.#write(CLOSE, payload.subarray(0, 2));
        this.#end(payload.length >= 2 ? payload.readUInt16BE(0) : 1005, payload.toString('utf8', 2));
      } else if (opcode !== PONG) this.#fail(1002);
      return;
    }
    const begins = opcode === TEXT || opcode === BINARY;
    if (begins === this.parts.length > 0 || (!begins && opcode !== CONTINUATION)) return this.#fail(1002);
    if (begins) this.kind = opcode;
    this.parts.push(payload);
    this.partsLength += payload.length;
    if (this.partsLength > MESSAGE_BYTES || this.parts.length > 65_536) return this.#fail(1009);
    if (fin) this.#message();
  }

  #message() {
    const message = Buffer.concat(this.parts);
    this.parts = [];
    this.partsLength = 0;
    /** @type {string | ArrayBuffer} */
    let data;
    try {
      data = this.kind === TEXT ? strict.decode(message) : new Uint8Array(message).buffer;
    } catch {
      return this.#fail(1007);
    }
    this.onmessage?.({ data });
  }

  /** @param {number} code */
  #fail(code) {
    this.#write(CLOSE, Buffer.from([code >> 8, code & 0xff]));
    this.#end(code, 'the server broke the rules of WebSocket');
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #end(code, reason) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    // What was written, such as a close frame, still goes out; nobody waits for an answer.
    this.socket?.end();
    const { socket, request } = this;
    setTimeout(() => {
      socket?.destroy();
      request?.destroy();
    }, socket ? 100 : 0).unref();
    this.onclose?.({ code, reason });
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 */
function headOf(bytes, at) {
  if (bytes.length < at + 2) return null;
  const [first, second] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
  const short = second & 0x7f;
  const size = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < at + 2 + size) return null;
  const length =
    size === 2 ? bytes.readUInt16BE(at + 2) : size === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
  return {
    fin: first >= 0x80,
    reserved: (first & 0x70) !== 0,
    opcode: first & 0x0f,
    masked: second >= 0x80,
    length,
    start: at + 2 + size,
  };
}
