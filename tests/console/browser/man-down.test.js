// From the alarm of a device to the signature under it, by what an operator sees and presses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, enter, open } from './browser.js';
import { LOW_BATTERY, MAN_DOWN, MAN_DOWN_CLEARED, STATUS_CHECK } from './device.js';
import { Node } from './node.js';

let node, browser;
before(async () => { [node, browser] = [await Node.start(), await open()]; });
after(async () => { await browser?.close(); await node?.stop(); });

test('a man down is heard, acknowledged, confirmed and closed', async () => {
  await node.ask('PUT', '/v1/devices/0012', { name: 'Anna Berg', customer: 'Alpine AG' });
  await node.dialIn('0012', [{ index: 1, code: STATUS_CHECK }]);
  const { page, wrong } = await enter(browser, node, { token: await node.tokenFor('operator'), settings: { sound: true } });
  // Sound waits until somebody touches the page.
  await page.evaluate(() => {
    globalThis.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...given) { globalThis.tones += 1; return start.apply(this, given); };
  });
  await page.goto(`${node.base}/#/cases`);
  await page.keyboard.press('Shift');
  await page.getByRole('button', { name: 'Sound is on' }).waitFor();
  await page.getByText('No case here.').waitFor();

  await node.dialIn('0012', [{ index: 2, code: MAN_DOWN, detail: [1, 1, 42] }]);
  const row = page.locator('.cases-grid .grid-row', { hasText: 'Man down' });
  await row.waitFor();
  await page.locator('.waiting .emergency.some', { hasText: '1' }).waitFor();
  assert.match(await page.locator('[role=log]').innerText(), /New alarm, Emergency: Man down, Anna Berg/);
  await page.waitForFunction(() => globalThis.tones >= 6);

  const dialog = page.locator('dialog.ask');
  // By keyboard alone: to the case, acknowledge, note, confirm.
  await page.keyboard.press('j');
  const detail = page.locator('aside.detail');
  await detail.getByRole('heading', { name: 'Man down' }).waitFor();
  await detail.getByText('42%').waitFor();
  assert.equal(await detail.getByRole('button', { name: 'Close' }).count(), 0, 'what lasts is not closed');
  await page.keyboard.press('a');
  await row.getByText('Acknowledged').waitFor();
  await page.locator('.waiting .emergency', { hasText: '0' }).waitFor();

  await page.keyboard.press('n');
  await page.locator('dialog.ask').waitFor();
  await accessible(page, 'a question');
  await page.keyboard.type('Called her: no answer');
  await dialog.getByRole('button', { name: 'Comment', exact: true }).click();
  await detail.getByText('Called her: no answer').waitFor();

  await page.keyboard.press('i');
  await dialog.locator('[name=to]').fill('Team North');
  await page.keyboard.press('Enter');
  await detail.locator('.facts').getByText('Team North').waitFor();

  await node.dialIn('0012', [{ index: 3, code: MAN_DOWN_CLEARED }]);
  await row.getByText('Cleared').waitFor();
  await page.keyboard.press('f');
  await dialog.locator('[name=why]').fill('First aid given');
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  await detail.getByText('First aid given').waitFor();

  await page.keyboard.press('l');
  await dialog.getByRole('button', { name: 'Close', exact: true }).click();
  assert.equal(await page.locator('dialog.ask').count(), 1, 'without a reason it stays open');
  await dialog.locator('[name=why]').fill('She is well');
  await dialog.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByText('No case here.').waitFor();
  await detail.locator('.steps .closed').waitFor();
  const steps = await detail.locator('.steps li b').allInnerTexts();
  assert.deepEqual(steps, ['Closed', 'Confirmed', 'Cleared', 'Assigned to', 'Comment', 'Acknowledged', 'Raised']);

  await page.getByRole('link', { name: 'Closed', exact: true }).click();
  await page.locator('.cases-grid .grid-row.closed', { hasText: 'Anna Berg' }).waitFor();
  assert.deepEqual(wrong, []);
});

test('a case is shelved and is quiet, and the shelf is ended', async () => {
  await node.ask('PUT', '/v1/devices/0013', { name: 'Beat' });
  const { page, wrong } = await enter(browser, node, { path: '/#/cases', language: 'de' });
  await node.dialIn('0013', [{ index: 1, code: LOW_BATTERY }]);
  const row = page.locator('.cases-grid .grid-row', { hasText: 'Batterie schwach' });
  await row.click();
  await page.getByRole('button', { name: 'Zurückstellen' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Zurückstellen' }).click();
  await page.locator('aside .note', { hasText: 'Zurückgestellt' }).waitFor();
  await page.getByRole('link', { name: 'Still', exact: true }).click();
  const quiet = page.locator('.quiet-list li', { hasText: 'devices/0013' });
  await quiet.getByText('Zurückgestellt').waitFor();
  await accessible(page, 'quiet conditions');
  await quiet.getByRole('button', { name: 'Zurückstellung beenden' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Zurückstellung beenden' }).click();
  await quiet.waitFor({ state: 'detached' });
  assert.deepEqual(wrong, []);
});

test('a reader is offered nothing, and a wrong token is told so', async () => {
  await node.ask('PUT', '/v1/devices/0014', { name: 'Carla' });
  await node.dialIn('0014', [{ index: 1, code: MAN_DOWN }]);
  const { page, wrong } = await enter(browser, node, { token: await node.tokenFor('reader'), path: '/#/cases' });
  await page.locator('.cases-grid .grid-row', { hasText: 'Carla' }).click();
  await page.locator('aside .steps li').first().waitFor();
  assert.equal(await page.locator('aside .actions').count(), 0);
  assert.equal(await page.getByRole('link', { name: 'Users and tokens' }).count(), 0);
  await page.goto(`${node.base}/#/users`);
  await page.getByText('This page is not for your role.').waitFor();

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Access token').fill(`spica_${'A'.repeat(43)}`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('Not accepted').waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem('spica.token') ?? sessionStorage.getItem('spica.token')), null);
  await page.getByLabel('Access token').fill(node.token);
  await page.getByLabel('Remember').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.link.open').waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem('spica.token')), node.token);
  assert.deepEqual(wrong, []);
});

test('the focus stays with its case when others come before it, and goes on when it is closed', async () => {
  for (const serial of ['0021', '0022']) await node.ask('PUT', `/v1/devices/${serial}`, { name: `Worker ${serial}` });
  await node.dialIn('0021', [{ index: 1, code: LOW_BATTERY }]);
  const { page, wrong } = await enter(browser, node, { path: '/#/cases' });
  const row = page.locator('.cases-grid .grid-row', { hasText: 'Worker 0021' });
  await row.focus();
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
  await node.dialIn('0022', [{ index: 1, code: MAN_DOWN }]);
  await page.locator('.cases-grid .grid-row', { hasText: 'Worker 0022' }).waitFor();
  assert.match(await focused(), /Worker 0021/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowDown');
  assert.match(await focused(), /Worker 0021/);
  const { cases } = await node.ask('GET', '/v1/cases?state=open&device=0021');
  for (const step of ['acknowledge', 'clear']) await node.ask('POST', `/v1/cases/${cases[0].id}/steps`, { do: step, why: 'charged' });
  await row.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'row');
  assert.deepEqual(wrong, []);
});
