// The server's side of one WebSocket, as far as tests need it.

import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export class ServerSocket {
  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:stream').Duplex} socket
   * @param {string} protocol
   */
  constructor(request, socket, protocol) {
    this.socket = socket;
    /** @type {(message: string | Uint8Array) => void} */
    this.onmessage = () => {};
    this.onend = () => {};
    this.waiting = Buffer.alloc(0);
    this.over = false;
    const key = request.headers['sec-websocket-key'];
    const accept = createHash('sha1').update(key + GUID).digest('base64');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    socket.on('data', (/** @type {Buffer} */ bytes) => this.read(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.over = true;
      this.onend();
    });
  }

  /** @param {Buffer} bytes */
  read(bytes) {
    this.waiting = Buffer.concat([this.waiting, bytes]);
    for (;;) {
      const { waiting } = this;
      if (waiting.length < 2) return;
      const opcode = waiting.readUInt8(0) & 0x0f;
      const short = waiting.readUInt8(1) & 0x7f;
      const size = short === 126 ? 2 : short === 127 ? 8 : 0;
      const start = 2 + size + 4;
      if (waiting.length < start) return;
      const length = size === 2 ? waiting.readUInt16BE(2) : size === 8 ? Number(waiting.readBigUInt64BE(2)) : short;
      if (waiting.length < start + length) return;
      const mask = waiting.subarray(start - 4, start);
      const payload = Uint8Array.from(waiting.subarray(start, start + length), (byte, i) => byte ^ Number(mask[i & 3]));
      this.waiting = waiting.subarray(start + length);
      if (opcode === 8) this.socket.end(frameOf(8, payload.subarray(0, 2)));
      else if (opcode === 1) this.onmessage(new TextDecoder().decode(payload));
      else if (opcode === 2) this.onmessage(payload);
    }
  }

  /** @param {string | Uint8Array} message */
  send(message) {
    if (this.over) return;
    this.socket.write(typeof message === 'string' ? frameOf(1, Buffer.from(message)) : frameOf(2, message));
  }

  destroy() {
    this.socket.destroy();
  }
}

/**
 * @param {number} opcode
 * @param {Uint8Array} payload
 */
export function frameOf(opcode, payload) {
  const size = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + size);
  head[0] = 0x80 | opcode;
  head[1] = size === 0 ? payload.length : size === 2 ? 126 : 127;
  if (size === 2) head.writeUInt16BE(payload.length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}
