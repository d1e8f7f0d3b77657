// A device as its profile describes it (docs/identicom-profile.md): dials in, hands over its log.
import { connect } from 'node:net';

const FLAG = 0x1e, ESCAPE = 0x1d;
export const MAN_DOWN = 0x3b, MAN_DOWN_CLEARED = 0x3c, STATUS_CHECK = 0x20, LOW_BATTERY = 0x21;

/** @param {number} type @param {Buffer} data */
function frame(type, data) {
  const out = [FLAG, type];
  for (const byte of data) if (byte === FLAG || byte === ESCAPE) out.push(ESCAPE, byte ^ 0x40); else out.push(byte);
  return Buffer.from([...out, FLAG]);
}

/** @param {Buffer} raw */
function unescaped(raw) {
  const out = [];
  for (let at = 0; at < raw.length; at += 1) out.push(raw[at] === ESCAPE ? raw[at += 1] ^ 0x40 : raw[at]);
  return Buffer.from(out);
}

const identity = (serial) => frame(0x81, Buffer.concat([Buffer.from(serial.padEnd(10, '\0')), Buffer.from('1.0.0'.padEnd(8, '\0'))]));

/** @param {{index: number, code: number, detail?: number[], ago?: number}[]} events */
function page(events, from) {
  const wanted = events.filter((event) => event.index >= from);
  const head = Buffer.from([0, 0, wanted.length]);
  return frame(0x82, Buffer.concat([head, ...wanted.map(({ index, code, detail = [], ago = 0 }) => {
    const entry = Buffer.alloc(10);
    entry.writeUInt32LE(index, 0);
    entry.writeUInt32LE(Math.floor(Date.now() / 1000) - ago, 4);
    entry[8] = code;
    entry[9] = detail.length;
    return Buffer.concat([entry, Buffer.from(detail)]);
  })]));
}

function answer(serial, events, type, data) {
  if (type === 0x01) return identity(serial);
  if (type === 0x02) return page(events, data.readUInt32LE(0));
  if (type === 0x03) { events.length = 0; return frame(0x83, Buffer.from([1, 0])); }
  if (type === 0x40) return frame(0xc0, Buffer.alloc(18));
  if (type === 0x10) return frame(0x90, Buffer.concat([data.subarray(0, 2), Buffer.from([0])]));
  return null;
}

/** One connection, until the station says goodbye. */
export function dialIn(host, port, serial, events) {
  const log = [...events];
  return new Promise((resolve, reject) => {
    let buffer = Buffer.alloc(0);
    let goodbye = false;
    const socket = connect(port, host, () => socket.write(identity(serial)));
    socket.setTimeout(10_000, () => socket.destroy(new Error('the station says nothing')));
    socket.on('data', (some) => {
      buffer = Buffer.concat([buffer, some]);
      for (;;) {
        const start = buffer.indexOf(FLAG);
        const end = start < 0 ? -1 : buffer.indexOf(FLAG, start + 1);
        if (end < 0) return;
        const raw = buffer.subarray(start + 1, end);
        buffer = raw.length === 0 ? buffer.subarray(end) : buffer.subarray(end + 1);
        if (raw.length === 0) continue;
        goodbye ||= raw[0] === 0x7f;
        const reply = answer(serial, log, raw[0], unescaped(raw.subarray(1)));
        if (reply) socket.write(reply);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => (goodbye ? resolve() : reject(new Error('cut off without a goodbye'))));
  });
}
