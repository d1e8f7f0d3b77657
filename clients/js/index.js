// The client of Spica's live sessions, for browsers and Node.js.

import { Client } from './src/client.js';

/**
 * @param {import('./src/client.js').Options} options
 * @returns {Client} which connects by itself from now on, until it is closed
 */
export function connect(options) {
  return new Client(options);
}

export { LiveError } from './src/errors.js';
