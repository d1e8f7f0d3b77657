// mqtt.js in Node.js against the real binary: versions 3.1.1 and 5, over TCP and WebSocket.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '../client.js';
import { Station } from '../station.js';

let station;
before(async () => { station = await Station.start(); });
after(async () => { await station?.stop(); });

for (const transport of ['tcp', 'ws']) {
  for (const protocolVersion of [4, 5]) {
    describe(`${transport}, version ${protocolVersion === 5 ? '5' : '3.1.1'}`, () => {
      const base = `js/${transport}${protocolVersion}`;
      const five = protocolVersion === 5;
      /** @param {string} id @param {import('mqtt').IClientOptions} [more] */
      const join = (id, more = {}) => Client.join(station.url(transport), { clientId: `${transport}${protocolVersion}${id}`, protocolVersion, ...more });

      test('each quality of service, both ways', async () => {
        const client = await join('qos');
        for (const granted of [0, 1, 2]) {
          assert.deepEqual(await client.subscribe(`${base}/qos${granted}/#`, { qos: granted }), [granted]);
          for (const qos of [0, 1, 2]) {
            await client.publish(`${base}/qos${granted}/x`, `at ${qos}`, { qos });
            await client.message(`at ${qos}`, { qos: Math.min(qos, granted), retain: false, dup: false });
          }
        }
        await client.leave();
      });

      test('a message that is large, and one of bytes', async () => {
        const client = await join('large');
        await client.subscribe(`${base}/large`, { qos: 1 });
        const large = 'x'.repeat(300_000);
        await client.publish(`${base}/large`, large, { qos: 1 });
        await client.message(large, { qos: 1 });
        await client.publish(`${base}/large`, Buffer.from([0, 255, 30, 29]), { qos: 1 });
        assert.deepEqual((await client.next()).packet.payload, Buffer.from([0, 255, 30, 29]));
        await client.leave();
      });

      test('a retained message waits for who comes later', async () => {
        const publisher = await join('rp');
        await publisher.publish(`${base}/retained`, 'kept', { qos: 1, retain: true });
        const later = await join('rs');
        await later.subscribe(`${base}/+`, { qos: 1 });
        await later.message('kept', { retain: true, topic: `${base}/retained` });
        await publisher.publish(`${base}/retained`, '', { qos: 1, retain: true });
        await later.message('', { retain: false });
        const last = await join('rl');
        await last.subscribe(`${base}/+`, { qos: 1 });
        await last.publish(`${base}/end`, 'nothing was before', { qos: 1 });
        await last.message('nothing was before');
        await Promise.all([publisher, later, last].map((client) => client.leave()));
      });

      test('a will is published for who is cut off, not for who says goodbye', async () => {
        const witness = await join('witness');
        await witness.subscribe(`${base}/will`, { qos: 2 });
        const will = (payload) => ({ will: { topic: `${base}/will`, payload: Buffer.from(payload), qos: 2, retain: false } });
        const polite = await join('polite', will('said goodbye'));
        await polite.leave();
        const lost = await join('lost', will('was cut off'));
        await lost.cut();
        await witness.message('was cut off', { qos: 2 });
        await witness.leave();
      });

      test('a session is kept for a client that is away', async () => {
        const first = await join('kept', Client.kept(protocolVersion));
        assert.equal(first.connack.sessionPresent, false);
        await first.subscribe(`${base}/kept`, { qos: 2 });
        await first.cut();
        const publisher = await join('kp');
        for (let at = 0; at < 40; at += 1) await publisher.publish(`${base}/kept`, String(at), { qos: 1 + at % 2 });
        const back = await join('kept', { ...Client.kept(protocolVersion), resubscribe: false });
        assert.equal(back.connack.sessionPresent, true);
        const got = [];
        while (got.length < 40) got.push((await back.next()).packet);
        for (const qos of [1, 2]) {
          const order = got.filter((packet) => packet.qos === qos).map((packet) => Number(packet.payload));
          assert.deepEqual(order, Array.from({ length: 20 }, (_, at) => at * 2 + qos - 1), `QoS ${qos}`);
        }
        await back.leave();
        await publisher.leave();
      });

      test('a shared subscription gives each message to one', async () => {
        const members = await Promise.all(['sa', 'sb'].map((id) => join(id)));
        for (const member of members) await member.subscribe(`$share/group/${base}/shared`, { qos: 1 });
        const publisher = await join('sp');
        const sent = Array.from({ length: 20 }, (_, at) => String(at));
        for (const payload of sent) await publisher.publish(`${base}/shared`, payload, { qos: 1 });
        // The last one that each gets shows that no more is on its way: both also hear the end.
        const shares = await Promise.all(members.map(async (member) => {
          await member.subscribe(`${base}/shared-end`, { qos: 1 });
          return member;
        }));
        await publisher.publish(`${base}/shared-end`, 'end', { qos: 1 });
        const got = await Promise.all(shares.map(async (member) => {
          const own = [];
          for (let one = await member.next(); one.payload !== 'end'; one = await member.next()) own.push(one.payload);
          return own;
        }));
        assert.deepEqual(got.flat().sort(), [...sent].sort());
        assert.ok(got.every((own) => own.length > 0), 'both have got some');
        await Promise.all([...members, publisher].map((client) => client.leave()));
      });

      test('unsubscribed is unsubscribed', async () => {
        const client = await join('un');
        await client.subscribe([`${base}/un/a`, `${base}/un/b`], { qos: 1 });
        await client.mqtt.unsubscribeAsync(`${base}/un/a`);
        await client.publish(`${base}/un/a`, 'not this', { qos: 1 });
        await client.publish(`${base}/un/b`, 'this', { qos: 1 });
        await client.message('this');
        await client.leave();
      });

      test('what version 5 adds', { skip: !five }, async () => {
        const client = await join('five', { properties: { topicAliasMaximum: 10, receiveMaximum: 3 }, autoUseTopicAlias: true, autoAssignTopicAlias: true });
        const options = { qos: 1, properties: { subscriptionIdentifier: 7 }, nl: false };
        await client.subscribe(`${base}/five/#`, options);
        const properties = {
          messageExpiryInterval: 100, contentType: 'text/plain', responseTopic: 'answers', correlationData: Buffer.from([1, 2]),
          payloadFormatIndicator: true, userProperties: { unit: 'bar', list: ['a', 'b'] },
        };
        // More than may be in flight, on one topic that both sides give an alias.
        const all = Array.from({ length: 12 }, (_, at) => client.publish(`${base}/five/x`, `${at}`, { qos: 1, properties }));
        for (let at = 0; at < 12; at += 1) {
          const { topic, payload, packet } = await client.next();
          assert.deepEqual([topic, payload], [`${base}/five/x`, `${at}`]);
          const said = packet.properties;
          assert.equal(said.subscriptionIdentifier, 7);
          assert.equal(said.contentType, 'text/plain');
          assert.equal(said.responseTopic, 'answers');
          assert.deepEqual(said.correlationData, Buffer.from([1, 2]));
          assert.equal(said.payloadFormatIndicator, true);
          assert.ok(said.messageExpiryInterval <= 100 && said.messageExpiryInterval > 60);
          assert.deepEqual({ ...said.userProperties }, { unit: 'bar', list: ['a', 'b'] });
        }
        await Promise.all(all);
        await assert.rejects(client.publish('audit/x', 'no', { qos: 1 }), (error) => error.code === 0x87);
        await client.leave();
      });
    });
  }
}
