// The node dies and comes back: nobody is shown old values as if they were new.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, enter, open } from './browser.js';
import { MAN_DOWN, STATUS_CHECK } from './device.js';
import { Node, until } from './node.js';

let node, browser;
before(async () => { [node, browser] = [await Node.start(), await open()]; });
after(async () => { await browser?.close(); await node?.stop(); });

test('a lost connection is said, values are grey, and all is current again afterwards', async () => {
  await node.ask('PUT', '/v1/devices/0012', { name: 'Anna' });
  await node.dialIn('0012', [{ index: 1, code: MAN_DOWN }]);
  const { page, wrong } = await enter(browser, node, { path: '/#/cases' });
  const other = await enter(browser, node, { path: '/#/overview' });
  const row = page.locator('.cases-grid .grid-row', { hasText: 'Anna' });
  await row.click();
  await page.getByRole('button', { name: 'Acknowledge', exact: false }).first().waitFor();
  await other.page.getByText('ready', { exact: true }).waitFor();
  const colour = () => row.locator('b').evaluate((element) => getComputedStyle(element).color);
  const fresh = await colour();

  await node.kill();
  const banner = page.locator('.banner.lost');
  await banner.getByText('No connection').waitFor();
  await banner.getByText(/Values are as of \d\d:\d\d:\d\d/).waitFor();
  const since = () => banner.locator('span').first().innerText();
  const first = await since();
  await page.waitForFunction((text) => document.querySelector('.banner.lost span')?.textContent !== text, first);
  assert.notEqual(await colour(), fresh, 'values are grey');
  assert.ok(await page.locator('aside').getByRole('button', { name: 'Acknowledge' }).isDisabled(), 'nothing can be ordered');
  await other.page.getByText('Last known').first().waitFor();
  await accessible(page, 'lost');

  await node.run();
  await banner.waitFor({ state: 'detached' });
  await page.waitForFunction((was) => getComputedStyle(document.querySelector('.cases-grid .grid-row b')).color === was, fresh);
  await node.ask('PUT', '/v1/devices/0013', { name: 'Beat' });
  await node.dialIn('0013', [{ index: 1, code: MAN_DOWN }]);
  await page.locator('.cases-grid .grid-row', { hasText: 'Beat' }).waitFor();
  await other.page.getByText('Last known').first().waitFor({ state: 'detached' });
  assert.deepEqual([...wrong, ...other.wrong], []);
});

test('what happened while the connection was lost is there afterwards', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/devices' });
  await page.locator('.devices-grid .grid-row', { hasText: 'Beat' }).waitFor();
  await page.context().setOffline(true);
  await node.kill();
  await page.locator('.banner.lost').waitFor();
  await node.run();
  await node.ask('PUT', '/v1/devices/0020', { name: 'Carla' });
  await node.dialIn('0020', [{ index: 1, code: STATUS_CHECK }]);
  await page.context().setOffline(false);
  await page.locator('.banner.lost').waitFor({ state: 'detached' });
  await page.locator('.devices-grid .grid-row', { hasText: 'Carla' }).getByText('Heard').waitFor();
  assert.deepEqual(wrong, []);
});

test('a case that is raised between the list and the first news is on the board', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/devices' });
  let release = () => {};
  const held = new Promise((resolve) => { release = () => resolve(null); });
  await page.routeWebSocket(/\/v1\/live\/ws/, (ws) => {
    const server = ws.connectToServer();
    // The node hears late what the page wants to hear.
    ws.onMessage((message) => {
      if (String(message).includes('"subscribe"')) held.then(() => server.send(message));
      else server.send(message);
    });
  });
  const listed = page.waitForResponse((answer) => answer.url().includes('/v1/cases?') && answer.ok());
  await page.goto(`${node.base}/#/cases`);
  await page.reload();
  await (await listed).finished();
  await node.ask('PUT', '/v1/devices/0031', { name: 'Dora' });
  await node.dialIn('0031', [{ index: 1, code: MAN_DOWN }]);
  await until(async () => (await node.ask('GET', '/v1/cases?limit=100')).cases.some((one) => one.source === 'devices/0031'), 'case');
  release();
  await page.locator('.cases-grid .grid-row', { hasText: 'Dora' }).waitFor();
  assert.deepEqual(wrong, []);
});
