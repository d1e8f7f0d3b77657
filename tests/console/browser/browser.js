// A browser, and what all tests of the console do with it.
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const SHOTS = process.env.SPICA_SHOTS ?? mkdtempSync(join(tmpdir(), 'spica-shots-'));
mkdirSync(SHOTS, { recursive: true });

export const open = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'] });

/**
 * A page that is signed in. What the page says on its console, and what fails in it, is kept.
 * @param {import('playwright-core').Browser} browser @param {import('./node.js').Node} node
 */
export async function enter(browser, node, { width = 1440, height = 900, theme = 'dark', language = 'en', token = node.token, path = '/', settings = {}, wait = true } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, hasTouch: width < 800, reducedMotion: 'reduce' });
  await context.addInitScript(([secret, kept]) => {
    if (!localStorage.getItem('spica.settings')) localStorage.setItem('spica.settings', JSON.stringify(kept));
    if (secret) sessionStorage.setItem('spica.token', secret);
  }, [token, { language, ...settings }]);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    // A node without a partner says 404, and a node that is down says nothing.
    const network = message.text().startsWith('Failed to load resource') || message.text().includes('WebSocket connection');
    if (message.type() === 'error' && !network) wrong.push(message.text());
  });
  page.setDefaultTimeout(15_000);
  await page.goto(`${node.base}${path}`);
  if (wait) await page.locator('.link.open').waitFor({ state: 'attached' });
  return { page, context, wrong };
}

/** Nothing that WCAG 2.2 AA forbids, as far as a program can see. */
export async function accessible(page, what) {
  // The policy of the page lets no script in; the test's way is not that of a page.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  const said = found.violations.map((one) => `${one.id}: ${one.help}\n${one.nodes.slice(0, 3).map((n) => `  ${n.target} ${n.failureSummary}`).join('\n')}`);
  assert.deepEqual(said, [], what);
}

/** Nothing sticks out at the side. */
export async function fits(page, what) {
  const [inside, whole] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  assert.ok(whole <= inside, `${what}: ${whole} pixels wide on a screen of ${inside}`);
}
