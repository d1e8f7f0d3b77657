// An MQTT client of version 3.1.1, as far as it takes to be connected: bytes as the standard says.
import { connect } from 'node:net';

const text = (words) => { const bytes = Buffer.from(words); return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]); };

/** Connects with a token, with a session that stays. @returns {Promise<{closed: Promise<void>, socket: import('node:net').Socket}>} */
export function join(host, port, id, token) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      // User name and password, no clean session, keep-alive of a minute.
      const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0b11000000, 0, 60]), text(id), text('console'), text(token)]);
      socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
    });
    const closed = new Promise((done) => { socket.once('close', () => done()); });
    socket.once('data', (answer) => {
      if (answer[0] === 0x20 && answer[3] === 0) resolve({ closed, socket });
      else reject(new Error(`refused: ${answer.toString('hex')}`));
    });
    socket.on('error', reject);
  });
}
