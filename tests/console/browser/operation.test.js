// Bans, handlers, tokens: ordered in the console, and seen in the audit trail.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enter, open } from './browser.js';
import { Node } from './node.js';

let node, browser;
before(async () => { [node, browser] = [await Node.start(), await open()]; });
after(async () => { await browser?.close(); await node?.stop(); });

test('bans, handlers and tokens are ordered, and the trail tells of it', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/stations' });
  const dialog = page.locator('dialog.ask');
  await page.getByRole('button', { name: 'Ban', exact: true }).click();
  await dialog.locator('[name=source]').fill('192.0.2.7');
  await dialog.getByRole('button', { name: 'Ban', exact: true }).click();
  await page.locator('.rows li', { hasText: '192.0.2.7' }).waitFor();
  await page.getByRole('button', { name: 'Lift', exact: true }).click();
  await dialog.getByRole('button', { name: 'Lift', exact: true }).click();
  await page.getByText('Nobody is banned.').waitFor();

  await page.goto(`${node.base}/#/handlers`);
  const media = page.locator('.handler', { hasText: 'media' });
  await media.getByRole('button', { name: 'Pause' }).click();
  await dialog.locator('[name=why]').fill('disk is moved');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await media.getByText('disk is moved').waitFor();
  await media.getByRole('button', { name: 'Resume' }).click();
  await dialog.locator('[name=why]').fill('done');
  await dialog.getByRole('button', { name: 'Resume' }).click();
  await media.getByText('disk is moved').waitFor({ state: 'detached' });

  await page.goto(`${node.base}/#/users`);
  await page.getByRole('button', { name: 'New token' }).click();
  await dialog.locator('[name=name]').fill('night shift');
  await dialog.locator('[name=role]').selectOption('operator');
  await dialog.getByRole('button', { name: 'New token' }).click();
  const secret = await dialog.locator('.secret').innerText();
  assert.match(secret, /^spica_/);
  const asked = await fetch(`${node.base}/v1/devices`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(asked.status, 200);
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  const row = page.getByRole('row').filter({ hasText: 'night shift' });
  await row.getByText('Operator').waitFor();
  assert.ok(!(await page.content()).includes(secret), 'the secret is gone');
  await row.getByRole('button', { name: 'Revoke' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await row.waitFor({ state: 'detached' });
  const after = await fetch(`${node.base}/v1/devices`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(after.status, 401);

  await page.goto(`${node.base}/#/audit`);
  for (const what of ['banned', 'lifted a ban', 'made a token', 'revoked a token']) await page.getByText(what, { exact: true }).first().waitFor();
  assert.deepEqual(wrong, []);
});
