// mqtt.js goes on by itself when the server was killed and is back: nothing of QoS 1 and 2 is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../client.js';
import { Station } from '../station.js';

let station;
before(async () => { station = await Station.start(); });
after(async () => { await station?.stop(); });

const COUNT = 60;
const PACKET_ID_NOT_FOUND = 0x92;

/**
 * Why a message was not acknowledged; nothing if it was. A server that died between the end of a QoS 2
 * exchange and its PUBCOMP knows the id no more, and says so when PUBREL comes again. The standard
 * calls that no error (3.7.2.1); mqtt.js does.
 */
function outcome(publish, qos) {
  return publish.then(() => null, (error) => (qos === 2 && error.code === PACKET_ID_NOT_FOUND ? null : error));
}

for (const [transport, protocolVersion] of [['tcp', 4], ['tcp', 5], ['ws', 5]]) {
  test(`the server is killed twice, ${transport}, version ${protocolVersion}`, async (t) => {
    const name = `${transport}${protocolVersion}`;
    const options = (id) => ({ clientId: `${name}${id}`, protocolVersion, ...Client.kept(protocolVersion), resubscribe: false, reconnectPeriod: 50 });
    const subscriber = await Client.join(station.url(transport), options('s'));
    const publisher = await Client.join(station.url(transport), options('p'));
    t.after(() => { for (const client of [subscriber, publisher]) client.mqtt.end(true); });
    await subscriber.subscribe(`${name}/#`, { qos: 2 });
    // What has arrived, by quality of service.
    const arrived = { 1: [], 2: [] };
    const acknowledged = [];
    for (let at = 0; at < COUNT; at += 1) {
      // Not awaited: some are on their way when the server dies.
      for (const qos of [1, 2]) acknowledged.push(outcome(publisher.publish(`${name}/${qos}`, String(at), { qos }), qos));
      if (at === COUNT / 3 || at === 2 * COUNT / 3) {
        await acknowledged[at];
        const back = [subscriber, publisher].map((client) => client.back());
        await station.kill();
        await station.again();
        for (const connack of await Promise.all(back)) assert.equal(connack.sessionPresent, true);
      }
    }
    assert.deepEqual((await Promise.all(acknowledged)).filter(Boolean), []);
    while (new Set(arrived[1]).size < COUNT || arrived[2].length < COUNT) {
      const { payload, packet } = await subscriber.next();
      arrived[packet.qos].push(Number(payload));
    }
    const all = Array.from({ length: COUNT }, (_, at) => at);
    assert.deepEqual([...new Set(arrived[1])].sort((a, b) => a - b), all, 'QoS 1: none lost');
    assert.deepEqual([...arrived[2]].sort((a, b) => a - b), all, 'QoS 2: each once');
    await publisher.leave();
    await subscriber.leave();
  });
}
