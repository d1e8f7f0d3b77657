// What no other test opens: the big screen as things happen, the filter of the trail, a plot of history.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enter, open } from './browser.js';
import { LOW_BATTERY, MAN_DOWN } from './device.js';
import { Node } from './node.js';

let node, browser;
before(async () => { [node, browser] = [await Node.start(), await open()]; });
after(async () => { await browser?.close(); await node?.stop(); });

test('the big screen shows what is raised and acknowledged, the worst first, without a hand', async () => {
  for (const [serial, name] of [['0001', 'Anna'], ['0002', 'Beat']]) await node.ask('PUT', `/v1/devices/${serial}`, { name });
  const { page, wrong } = await enter(browser, node, { path: '/#/cases', width: 1920, height: 1080 });
  await page.keyboard.press('w');
  await page.locator('.wall').waitFor();
  await node.dialIn('0002', [{ index: 1, code: LOW_BATTERY }]);
  await page.locator('.card', { hasText: 'Beat' }).waitFor();
  await node.dialIn('0001', [{ index: 1, code: MAN_DOWN, detail: [1, 1, 42] }]);
  const card = page.locator('.card', { hasText: 'Anna' });
  await card.waitFor();
  assert.match(await page.locator('.card').first().innerText(), /Anna/);
  assert.ok(await card.evaluate((element) => element.classList.contains('unacknowledged')));
  const { cases } = await node.ask('GET', '/v1/cases?state=open&device=0001');
  await node.ask('POST', `/v1/cases/${cases[0].id}/steps`, { do: 'acknowledge' });
  await page.locator('.card:not(.unacknowledged)', { hasText: 'Anna' }).waitFor();
  await node.kill();
  await page.locator('.wall.stale').waitFor();
  await node.run();
  await page.locator('.wall:not(.stale)').waitFor();
  assert.deepEqual(wrong, []);
});

test('the trail is filtered by words, and by what it tells', async () => {
  for (const serial of ['0101', '0102']) await node.ask('PUT', `/v1/devices/${serial}`, { name: serial });
  const { page, wrong } = await enter(browser, node, { path: '/#/audit' });
  const about = (serial) => page.getByText(`devices/${serial}`).or(page.getByText(serial, { exact: true })).first();
  await about('0101').waitFor();
  await about('0102').waitFor();
  await page.getByRole('searchbox').fill('0102');
  await about('0101').waitFor({ state: 'detached' });
  await about('0102').waitFor();
  await page.getByRole('searchbox').fill('nobody did this');
  await page.getByText('Nothing found.').waitFor();
  assert.deepEqual(wrong, []);
});

test('a plot begins with history, and its span is chosen', async () => {
  for (const level of [3, 5, 4]) await node.ask('POST', '/v1/topics/root/tank/level?kind=state', String(level));
  const { page, wrong } = await enter(browser, node, { path: '/#/topics/root/tank/level' });
  const asked = page.waitForResponse((answer) => answer.url().includes('/v1/series?') && answer.ok());
  await page.getByRole('button', { name: 'Plot', exact: true }).click();
  const { points } = await (await asked).json();
  assert.ok(points.length > 0);
  await page.locator('.plot canvas').waitFor();
  const again = page.waitForResponse((answer) => answer.url().includes('/v1/series?') && answer.ok());
  await page.getByRole('group', { name: 'Span of time' }).getByText('1 d', { exact: true }).click();
  const from = Date.parse(new URL((await again).url()).searchParams.get('from') ?? '');
  assert.ok(Date.now() - from > 20 * 3_600_000, 'a day');
  await page.getByRole('button', { name: 'Remove plot' }).first().click();
  await page.locator('.plot canvas').waitFor({ state: 'detached' });
  assert.deepEqual(wrong, []);
});
