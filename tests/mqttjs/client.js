// mqtt.js with what happens to it as things to be awaited, each with a deadline.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import mqtt from 'mqtt';

const DEADLINE = 20_000;

/** @template T @param {Promise<T>} promise @param {string} what @returns {Promise<T>} */
export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no ${what} within ${DEADLINE} ms`)), DEADLINE); });
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
}

export class Client {
  #inbox = [];
  #waiting = [];

  /** Connects, and wants to be accepted. @param {string} url @param {import('mqtt').IClientOptions} options */
  static async join(url, options) {
    const client = new Client();
    // No connection is made again unless a test wants it.
    client.mqtt = mqtt.connect(url, { reconnectPeriod: 0, ...options });
    client.mqtt.on('message', (topic, payload, packet) => client.#take({ topic, payload: payload.toString(), packet }));
    // An error that nobody listens to would end the test; what is wrong shows in what does not happen.
    client.mqtt.on('error', () => {});
    [client.connack] = await within(once(client.mqtt, 'connect'), 'CONNACK');
    return client;
  }

  /** Of version 5: a session that outlives its connection has an expiry. */
  static kept(version) {
    return version === 5 ? { clean: false, properties: { sessionExpiryInterval: 60 } } : { clean: false };
  }

  #take(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message); else this.#inbox.push(message);
  }

  /** CONNACK of the next connection, however many attempts it takes. */
  back() { return within(new Promise((resolve) => { this.mqtt.once('connect', resolve); }), 'CONNACK'); }

  /** The next message, whatever it is. */
  next() {
    const first = this.#inbox.shift();
    return first ? Promise.resolve(first) : within(new Promise((resolve) => { this.#waiting.push(resolve); }), 'message');
  }

  /** The next message, which must be this one. @param {string} payload @param {Record<string, unknown>} [values] of the packet */
  async message(payload, values = {}) {
    const { topic, payload: said, packet } = await this.next();
    assert.equal(said, payload);
    for (const [name, value] of Object.entries(values)) assert.equal(packet[name], value, `${name} of ${topic}`);
    return packet;
  }

  async subscribe(filter, options) {
    const granted = await within(this.mqtt.subscribeAsync(filter, options), 'SUBACK');
    return granted.map((one) => one.qos);
  }

  /** Done when the station has acknowledged it. */
  publish(topic, payload, options) { return within(this.mqtt.publishAsync(topic, payload, options), 'acknowledgement'); }

  async leave() { await within(this.mqtt.endAsync(), 'end'); }

  /** Ends without a word. */
  async cut() {
    this.mqtt.stream.destroy();
    await within(this.mqtt.endAsync(true), 'end');
  }
}
