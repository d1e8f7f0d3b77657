// Every page, in both themes and languages, on a phone and on a wall: nothing sticks out, nothing
// breaks a rule of WCAG 2.2 AA. Pictures of all of them are left for people to look at.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SHOTS, accessible, enter, fits, open } from './browser.js';
import { LOW_BATTERY, MAN_DOWN, STATUS_CHECK } from './device.js';
import { Node } from './node.js';

const PAGES = ['overview', 'cases', 'cases/wall', 'devices', 'devices/0001', 'topics', 'topics/root/plant/level', 'stations', 'handlers', 'handlers/history', 'audit', 'users'];

let node, browser, id;
before(async () => {
  [node, browser] = [await Node.start(), await open()];
  for (const at of [1, 2, 3, 4, 5]) {
    const serial = `000${at}`;
    await node.ask('PUT', `/v1/devices/${serial}`, { name: `Worker ${at}`, customer: 'Alpine AG' });
    await node.dialIn(serial, [{ index: 1, code: at < 3 ? MAN_DOWN : at === 3 ? LOW_BATTERY : STATUS_CHECK, detail: [1, 1, 40 + at] }]);
  }
  for (const value of [81.5, 84, 83.2, 90.1, 88]) {
    await node.ask('POST', '/v1/topics/root/plant/level?kind=state', String(value));
    await node.ask('POST', '/v1/topics/root/plant/pump?kind=state&quality=uncertain', { speed: value * 10, on: true });
  }
  await node.ask('POST', '/v1/bans', { source: '192.0.2.0/24', for: '1h', reason: 'port scan' });
  await node.tokenFor('reader');
  id = (await node.ask('GET', '/v1/cases?state=open&severity=emergency')).cases[0].id;
});
after(async () => { await browser?.close(); await node?.stop(); });

for (const theme of ['dark', 'light']) {
  for (const [width, height] of [[390, 844], [3840, 2160]]) {
    const language = (theme === 'dark') === (width === 390) ? 'de' : 'en';
    test(`all pages, ${theme}, ${width} pixels, ${language}`, async () => {
      const { page, wrong } = await enter(browser, node, { theme, width, height, language });
      for (const path of [...PAGES, `cases/${id}`]) {
        await page.goto(`${node.base}/#/${path}`);
        await page.locator('main :is(h1, h2):visible').first().waitFor();
        await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
        const what = `${path} ${theme} ${width} ${language}`;
        await page.screenshot({ path: join(SHOTS, `${what.replaceAll(/[/ ]/g, '-')}.png`) });
        assert.equal(await page.evaluate(() => document.documentElement.lang), language);
        await fits(page, what);
        await accessible(page, what);
      }
      assert.deepEqual(wrong, []);
    });
  }
}

test('language and theme are chosen in the console, and kept', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/overview' });
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await back();
  await page.locator('summary').click();
  await page.getByLabel('Theme').selectOption('light');
  assert.notEqual(await back(), dark);
  await page.getByLabel('Language').selectOption('de');
  await page.getByRole('heading', { name: 'Übersicht' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Übersicht' }).waitFor();
  assert.notEqual(await back(), dark);
  assert.deepEqual(wrong, []);
});

test('the console is walked through by keyboard, and its keys can be switched off', async () => {
  const { page, wrong } = await enter(browser, node, { path: '/#/overview' });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main', 'the first stop skips to the content');
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.getByRole('heading', { name: 'Topics' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  await accessible(page, 'keys');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });

  const plant = page.getByRole('row').filter({ hasText: 'plant' });
  await plant.focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('row').filter({ hasText: 'level' }).getByText('88').waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Plot', exact: true }).click();
  await page.locator('.plot canvas').waitFor();
  await node.ask('POST', '/v1/topics/root/plant/level?kind=state', '12.25');
  await page.locator('aside pre', { hasText: '12.25' }).waitFor();
  await accessible(page, 'a plot');

  await page.locator('summary').click();
  await page.getByLabel('Single keys do something').uncheck();
  await page.locator('main').focus();
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.keyboard.press('?');
  assert.equal(await page.locator('dialog').count(), 0);
  assert.match(page.url(), /#\/topics/);
  assert.deepEqual(wrong, []);
});

test('every stop of the tab key is seen, and none is a trap', async () => {
  const { page } = await enter(browser, node, { path: '/#/cases' });
  await page.locator('.cases-grid .grid-row').first().waitFor();
  const stops = new Set();
  for (let at = 0; at < 80; at += 1) {
    await page.keyboard.press('Tab');
    const now = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return 'out';
      const style = getComputedStyle(element);
      const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
      return `${seen ? '' : 'UNSEEN '}${element.tagName} ${element.className} ${element.textContent?.trim().slice(0, 30)}`;
    });
    assert.ok(!now.startsWith('UNSEEN'), now);
    if (now === 'out') break;
    stops.add(now);
  }
  assert.ok(stops.size > 20 && stops.size < 75, `${stops.size} stops`);
});
