// A real node with an MQTT station whose ports stay the same when it is started again.
import { Node, freePort } from '../console/browser/node.js';

export class Station {
  static async start() {
    const station = new Station();
    [station.tcp, station.websocket] = [await freePort(), await freePort()];
    // Tests come and go with one client id as often as they like.
    station.node = await Node.start(`[mqtt]
listen = "127.0.0.1:${station.tcp}"
websocket = "127.0.0.1:${station.websocket}"
[mqtt.access]
anonymous = "operator"
[mqtt.access.flapping.client]
connects = 1000000
`);
    return station;
  }

  /** @param {'tcp' | 'ws'} transport */
  url(transport) {
    return transport === 'tcp' ? `mqtt://127.0.0.1:${this.tcp}` : `ws://127.0.0.1:${this.websocket}/mqtt`;
  }

  /** Ends it as a power cut does. */
  kill() { return this.node.kill(); }
  again() { return this.node.run(); }
  stop() { return this.node.stop(); }
}
