// mqtt.js on a page in Chromium, over WebSocket: publishes and subscribes, and loses nothing of QoS 1
// when the server is killed under it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Client } from '../client.js';
import { Station } from '../station.js';

const FILES = {
  '/': ['text/html', '<!doctype html><title>mqtt.js</title><link rel="icon" href="data:,"><script src="/mqtt.js"></script>'],
  '/mqtt.js': ['text/javascript', readFileSync(new URL('../node_modules/mqtt/dist/mqtt.min.js', import.meta.url))],
};
const COUNT = 60;

let station, pages, browser;
before(async () => {
  pages = createServer((request, response) => {
    const [type, body] = FILES[request.url] ?? ['text/plain', ''];
    response.setHeader('content-type', type).end(body);
  }).listen(0, '127.0.0.1');
  await once(pages, 'listening');
  station = await Station.start();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
});
after(async () => {
  await browser?.close();
  pages?.close();
  await station?.stop();
});

/** A page whose client is connected as `client`; what has come is in `got`, how often it connected in `connects`. */
async function page(id, protocolVersion) {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.evaluate(([url, options]) => {
    Object.assign(globalThis, { got: [], connects: [], acknowledged: 0 });
    globalThis.client = globalThis.mqtt.connect(url, options);
    client.on('connect', (connack) => { connects.push(connack.sessionPresent); });
    client.on('message', (topic, payload, packet) => { got.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain }); });
    client.on('error', () => {});
  }, [station.url('ws'), { clientId: id, protocolVersion, ...Client.kept(protocolVersion), resubscribe: false, reconnectPeriod: 50 }]);
  await page.waitForFunction(() => connects.length === 1);
  return page;
}

for (const protocolVersion of [4, 5]) {
  const name = `web${protocolVersion}`;

  test(`publish and subscribe, version ${protocolVersion === 5 ? '5' : '3.1.1'}`, async () => {
    const tab = await page(`${name}a`, protocolVersion);
    const other = await Client.join(station.url('tcp'), { clientId: `${name}b`, protocolVersion });
    await other.publish(`${name}/kept`, 'retained', { qos: 1, retain: true });
    await other.subscribe(`${name}/from-page/+`, { qos: 2 });
    await tab.evaluate((filter) => client.subscribeAsync(filter, { qos: 2 }), `${name}/#`);
    await tab.waitForFunction(() => got.length === 1);
    for (const qos of [0, 1, 2]) {
      await other.publish(`${name}/to-page/${qos}`, `größe ${qos}`, { qos });
      await tab.evaluate(([topic, at]) => client.publishAsync(topic, `weiß ${at}`, { qos: at }), [`${name}/from-page/${qos}`, qos]);
      await other.message(`weiß ${qos}`, { qos, topic: `${name}/from-page/${qos}` });
    }
    await tab.waitForFunction(() => got.length === 7);
    const got = await tab.evaluate(() => globalThis.got);
    assert.deepEqual(got[0], { topic: `${name}/kept`, payload: 'retained', qos: 1, retain: true });
    for (const qos of [0, 1, 2]) {
      const to = got.find((one) => one.topic === `${name}/to-page/${qos}`);
      assert.deepEqual(to, { topic: `${name}/to-page/${qos}`, payload: `größe ${qos}`, qos, retain: false });
    }
    await tab.evaluate(() => client.endAsync());
    await other.leave();
  });

  test(`the server is killed and comes back, version ${protocolVersion === 5 ? '5' : '3.1.1'}`, async () => {
    const subscriber = await page(`${name}s`, protocolVersion);
    await subscriber.evaluate((filter) => client.subscribeAsync(filter, { qos: 1 }), `${name}/counted`);
    const publisher = await page(`${name}p`, protocolVersion);
    const say = (from, to) => publisher.evaluate(([topic, first, end]) => {
      for (let at = first; at < end; at += 1) client.publish(topic, String(at), { qos: 1 }, (error) => { if (!error) acknowledged += 1; });
    }, [`${name}/counted`, from, to]);
    await say(0, COUNT / 3);
    await publisher.waitForFunction(() => acknowledged > 0);
    await station.kill();
    // With nobody there to take them.
    await say(COUNT / 3, 2 * COUNT / 3);
    await station.again();
    for (const tab of [publisher, subscriber]) {
      await tab.waitForFunction(() => connects.length === 2 && client.connected);
      assert.deepEqual(await tab.evaluate(() => connects), [false, true]);
    }
    await say(2 * COUNT / 3, COUNT);
    await publisher.waitForFunction((count) => acknowledged === count, COUNT);
    await subscriber.waitForFunction((count) => new Set(got.map((one) => one.payload)).size === count, COUNT);
    const payloads = await subscriber.evaluate(() => got.map((one) => Number(one.payload)));
    assert.deepEqual([...new Set(payloads)].sort((a, b) => a - b), Array.from({ length: COUNT }, (_, at) => at));
    for (const tab of [publisher, subscriber]) await tab.evaluate(() => client.endAsync());
  });
}
