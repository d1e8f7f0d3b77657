// A thousand devices: found by a word, walked through by keyboard, few of them drawn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, enter, fits, open } from './browser.js';
import { LOW_BATTERY, STATUS_CHECK } from './device.js';
import { Node } from './node.js';

const COUNT = 1200;
let node, browser;
before(async () => {
  [node, browser] = [await Node.start(), await open()];
  const rows = Array.from({ length: COUNT }, (_, at) => `${String(at).padStart(4, '0')},Worker ${at},${at % 3 ? 'Alpine AG' : 'Müller & Co'}`);
  await node.ask('POST', '/v1/devices/import', `serial,name,customer\n${rows.join('\n')}\n`, 'text/csv');
});
after(async () => { await browser?.close(); await node?.stop(); });

test('a list of 1,200 is searched and walked through by keyboard', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/devices' });
  await page.getByText('1,200 devices').waitFor();
  const rows = page.locator('.devices-grid .grid-row');
  assert.ok(await rows.count() < 80, 'only what is seen is drawn');
  assert.equal(await page.locator('.devices-grid').getAttribute('aria-rowcount'), String(COUNT + 1));

  await page.keyboard.press('/');
  await page.keyboard.type('muller 11');
  await page.getByText(/^\d+ devices$/).and(page.locator('.foot')).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.devices-grid .grid-row').length < 60);
  assert.ok((await rows.allInnerTexts()).every((text) => /11/.test(text) && /Müller/.test(text)));

  await page.getByRole('searchbox').fill('');
  await page.getByText('1,200 devices').waitFor();
  await page.getByRole('searchbox').focus();
  // From the field over the views and heads of columns into the table: one stop.
  for (let stops = 0; stops < 20; stops += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement?.getAttribute('role') === 'row')) break;
  }
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-rowindex'));
  assert.equal(await focused(), '2');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-rowindex') === '3');
  await page.keyboard.press('End');
  await page.waitForFunction((last) => document.activeElement?.getAttribute('aria-rowindex') === last, String(COUNT + 1));
  assert.ok(await rows.count() < 80);
  await page.keyboard.press('Enter');
  await page.locator('aside h2', { hasText: 'Worker 1199' }).waitFor();
  await page.keyboard.press('Home');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-rowindex') === '2');
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement?.closest('aside') !== null), 'the tab key leaves the table');
  await accessible(page, 'devices');
  assert.deepEqual(wrong, []);
});

test('a check-in, an event and a command are seen as they happen', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/devices/0007' });
  await page.locator('aside').getByText('Never heard').waitFor();
  await page.getByRole('button', { name: 'Show text' }).click();
  await page.locator('dialog [name=text]').fill('Call back');
  await page.keyboard.press('Enter');
  const command = page.locator('aside .plain-list li', { hasText: 'Show text' });
  await command.getByText('queued').waitFor();
  await node.dialIn('0007', [{ index: 1, code: LOW_BATTERY }]);
  await page.locator('aside').getByText('Heard', { exact: true }).waitFor();
  await command.getByText('confirmed').waitFor();
  await page.locator('aside .events li', { hasText: 'Low battery' }).waitFor();
  await page.locator('.devices-grid .grid-row', { hasText: '0007' }).getByText('Heard').waitFor();
  assert.deepEqual(wrong, []);
});

test('sorting by a head, and the list on a phone', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/devices', width: 390, height: 844 });
  await page.getByText('1,200 devices').waitFor();
  await page.getByRole('button', { name: 'Serial number' }).click();
  await page.locator('.devices-grid .grid-row', { hasText: 'Worker 1199' }).waitFor();
  await fits(page, 'devices on a phone');
  await page.locator('.devices-grid .grid-row', { hasText: 'Worker 1199' }).click();
  await page.getByRole('link', { name: 'Back' }).click();
  await page.locator('.devices-grid .grid-row').first().waitFor();
  await node.dialIn('1199', [{ index: 1, code: STATUS_CHECK }]);
  assert.deepEqual(wrong, []);
});
