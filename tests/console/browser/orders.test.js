// What operators write in the console: records, devices from a file; and who is cut off.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, enter, fits, open } from './browser.js';
import { join } from './mqtt.js';
import { Node } from './node.js';

let node, browser;
before(async () => { [node, browser] = [await Node.start('[mqtt]\nlisten = "127.0.0.1:0"\n'), await open()]; });
after(async () => { await browser?.close(); await node?.stop(); });

const dialogOf = (page) => page.locator('dialog.ask');

test('a record is published by keyboard alone, and bad JSON is not', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/topics', token: await node.tokenFor('operator') });
  await page.getByRole('button', { name: 'Publish', exact: true }).focus();
  await page.keyboard.press('Enter');
  const dialog = dialogOf(page);
  const topic = await dialog.locator('[name=topic]').inputValue();
  assert.match(topic, /\/$/, 'it begins below the node');
  await page.keyboard.press('End');
  await page.keyboard.type('plant/level');
  for (let stops = 0; stops < 5; stops += 1) await page.keyboard.press('Tab');
  await page.keyboard.type('{"value": 4');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText('This is no JSON').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'payload', 'where it is mended');
  await accessible(page, 'a payload that is no JSON');
  await page.keyboard.press('Control+End');
  await page.keyboard.type('2}');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page.getByText(`Published: ${topic}plant/level`).waitFor();
  await page.goto(`${node.base}/#/topics/${topic}plant/level`);
  await page.locator('aside pre', { hasText: '42' }).waitFor();
  const { records } = await node.ask('GET', `/v1/records?topic=${encodeURIComponent(`${topic}plant/level`)}`);
  assert.equal(records.length, 1);
  assert.equal(records[0].value.value, 42);
  assert.deepEqual(wrong, []);
});

test('who may only read is offered neither', async () => {
  const { page } = await enter(browser, node, { path: '/#/topics', token: await node.tokenFor('reader') });
  await page.getByRole('button', { name: 'Reload' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Publish' }).count(), 0);
  await page.goto(`${node.base}/#/devices`);
  await page.getByText('No device is registered.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Import' }).count(), 0);
});

for (const [width, height, theme] of [[390, 844, 'dark'], [3840, 2160, 'light']]) {
  test(`devices are imported from a file, or none and each line is told, ${width} pixels`, async () => {
    const { page, wrong } = await enter(browser, node, { path: '/#/devices', width, height, theme });
    const dialog = dialogOf(page);
    const choose = async (text) => {
      await page.getByRole('button', { name: 'Import', exact: true }).click();
      await dialog.locator('[name=file]').setInputFiles({ name: 'devices.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
      await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    };
    await choose(`serial,name,check_in_minutes\nI${width},Anna,30\ntoo-long-a-serial,Beat,30\nJ${width},Carla,often\n`);
    await dialog.getByRole('heading', { name: 'What is wrong with the file' }).waitFor();
    await dialog.locator('li', { hasText: 'Line 3' }).waitFor();
    await dialog.locator('li', { hasText: 'Line 4' }).getByText('check_in_minutes', { exact: true }).waitFor();
    await fits(page, 'lines of an import');
    await accessible(page, 'lines of an import');
    await dialog.getByRole('button', { name: 'Close' }).click();
    assert.equal(await page.locator('.devices-grid .grid-row', { hasText: `I${width}` }).count(), 0);
    await choose(`serial,name\nI${width},Anna\nJ${width},Müller\n`);
    await page.getByText('2 devices are imported.').waitFor();
    await page.locator('.devices-grid .grid-row', { hasText: `J${width}` }).getByText('Müller').waitFor();
    assert.deepEqual(wrong, []);
  });
}

test('an MQTT client is seen, cut off, and its session is ended', async () => {
  const [host, port] = node.addresses.mqtt.split(/:(?=\d+$)/);
  const client = await join(host, Number(port), 'pump/7', node.token);
  const { page, wrong } = await enter(browser, node, { path: '/#/stations', width: 390, height: 844, language: 'de', token: await node.tokenFor('operator') });
  const dialog = dialogOf(page);
  const connected = page.locator('.mqtt-clients li', { hasText: 'pump/7' });
  await connected.getByText('3.1.1').waitFor();
  await fits(page, 'MQTT clients');
  await accessible(page, 'MQTT clients');
  await connected.getByRole('button', { name: 'Trennen' }).click();
  await dialog.getByRole('button', { name: 'Trennen' }).click();
  await client.closed;
  const away = page.locator('.mqtt-away li', { hasText: 'pump/7' });
  await away.getByRole('button', { name: 'Sitzung beenden' }).click();
  await dialog.getByRole('button', { name: 'Sitzung beenden' }).click();
  await page.getByText('Keine Sitzung wartet auf ihren Client.').waitFor();
  await page.goto(`${node.base}/#/audit`);
  for (const what of ['hat einen MQTT-Client getrennt', 'hat eine MQTT-Sitzung beendet']) await page.getByText(what, { exact: true }).first().waitFor();
  assert.deepEqual(wrong, []);
});
