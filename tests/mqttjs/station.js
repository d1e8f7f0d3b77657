// A real node with an MQTT station whose ports stay the same when it is started again.
import { Node, freePort } from '../console/browser/node.js';

// An address of the loopback that nobody else uses: while the node is down, no other takes its ports.
const HOST = `127.${1 + (process.pid % 254)}.${(process.pid >> 8) % 256}.1`;

export class Station {
  static async start() {
    const station = new Station();
    [station.tcp, station.websocket] = [await freePort(HOST), await freePort(HOST)];
    // Tests come and go with one client id as often as they like.
    station.node = await Node.start(`[mqtt]
listen = "${HOST}:${station.tcp}"
websocket = "${HOST}:${station.websocket}"
[mqtt.access]
anonymous = "operator"
[mqtt.access.flapping.client]
connects = 1000000
`, HOST);
    return station;
  }

  /** @param {'tcp' | 'ws'} transport */
  url(transport) {
    return transport === 'tcp' ? `mqtt://${HOST}:${this.tcp}` : `ws://${HOST}:${this.websocket}/mqtt`;
  }

  /** Ends it as a power cut does. */
  kill() { return this.node.kill(); }
  again() { return this.node.run(); }
  stop() { return this.node.stop(); }
}
