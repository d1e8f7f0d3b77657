// One WebSocket.

import { MESSAGE_BYTES, sizeOf, writeMessage } from '../frames.js';

/**
 * @typedef {object} Link an open way to a server
 * @property {(frame: object) => void} send
 * @property {() => void} close ends it; nothing is told any more
 *
 * @typedef {object} Ear what is told of a link
 * @property {(message: string | Uint8Array) => void} message
 * @property {() => void} alive there was a sign of life
 * @property {(end: End) => void} end once, and the last that is told
 *
 * @typedef {object} End
 * @property {string} detail for people
 * @property {boolean} [unreachable] nobody listens there: no other way will do either
 * @property {boolean} [answered] the server said that it will not: no other way is needed
 * @property {boolean} [protocol] it was said what makes no sense
 * @property {boolean} [unauthorized]
 * @property {number} [status] of the answer, if that said it
 * @property {number} [retryAfterMs]
 * @property {string} [active] where the active node is
 *
 * @typedef {object} Opening
 * @property {string} url of the endpoint
 * @property {import('../frames.js').Encoding} encoding
 * @property {Record<string, unknown>} hello
 * @property {string | undefined} token
 * @property {import('../time.js').Time} time
 * @property {Ear} ear
 */

/** How much may wait to be sent before the connection counts as dead, in bytes. */
const WAITING_BYTES = 16 * 1024 * 1024;

/**
 * @param {Opening} opening
 * @returns {Promise<Link>} at once; whether it opens is told to the ear
 */
export async function openWs({ url, encoding, hello, token, ear }) {
  const Socket = globalThis.WebSocket ?? (await import('./node-socket.js')).NodeSocket;
  const protocol = `spica.live.v1.${encoding}`;
  const socket = new Socket(`${url.replace(/^http/, 'ws')}/v1/live/ws`, [protocol]);
  let over = false;
  const end = (/** @type {End} */ what) => {
    if (over) return;
    over = true;
    socket.close();
    ear.end(what);
  };
  const send = (/** @type {object} */ frame) => {
    if (over || socket.readyState !== 1) return;
    // What the network does not take would else grow without end.
    if (socket.bufferedAmount > WAITING_BYTES) return end({ detail: 'the network takes nothing any more' });
    const message = writeMessage(frame, encoding);
    socket.send(/** @type {string | Uint8Array<ArrayBuffer>} */ (message));
  };

  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    if (socket.protocol !== protocol) return end({ detail: `the server speaks ${socket.protocol || 'something else'}` });
    send({ ...hello, token });
  };
  socket.onmessage = (/** @type {{ data: unknown }} */ { data }) => {
    if (over) return;
    const message = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    if (typeof message !== 'string' && !(message instanceof Uint8Array)) return;
    if (sizeOf(message) > MESSAGE_BYTES) return end({ detail: 'a message that is too long', protocol: true });
    ear.message(message);
  };
  // An error is always followed by a close, but not soon in every browser.
  socket.onerror = () => end({ detail: 'the WebSocket failed' });
  socket.onclose = (/** @type {{ code?: number, reason?: string }} */ { code, reason }) => {
    end({ detail: `the WebSocket was closed: ${code ?? ''} ${reason ?? ''}`.trim() });
  };
  return {
    send,
    close() {
      over = true;
      socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
      socket.close();
    },
  };
}

