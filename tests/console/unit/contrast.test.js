// Contrast by WCAG 2.2, computed from the colour tokens of both themes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files } from './app.js';

const css = files('css', '.css');
const tokens = css.find((file) => file.path.endsWith('tokens.css'))?.text ?? '';

/** The tokens of each block. */
const blocks = [...tokens.matchAll(/(:root[^{]*)\{([^}]*)\}/g)].map(([, selector, body]) => ({
  selector: selector.trim(),
  colours: Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value])),
}));
const [dark, system, light] = blocks;

const channel = (value) => { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = (hex) => {
  const [r, g, b] = [1, 3, 5].map((at) => channel(parseInt(hex.slice(at, at + 2), 16)));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

const SURFACES = ['back', 'panel', 'raised', 'chosen'];
const TEXTS = ['text', 'muted', 'stale', 'accent', 'emergency', 'high', 'medium', 'low', 'good', 'bad'];
const FILLS = ['accent', 'emergency-fill', 'high-fill', 'medium-fill', 'low-fill', 'lost'];
const on = (fill) => `on-${fill.replace('-fill', '')}`;

test('the formula is that of WCAG', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21);
  assert.ok(Math.abs(contrast('#767676', '#ffffff') - 4.54) < 0.01);
});

test('text is readable on every surface, in both themes', () => {
  for (const [theme, { colours }] of Object.entries({ dark, light })) {
    for (const surface of SURFACES) {
      for (const text of TEXTS) {
        const found = contrast(colours[text], colours[surface]);
        assert.ok(found >= 4.5, `${theme}: ${text} on ${surface} has ${found.toFixed(2)}`);
      }
      // Parts of controls and what a plot draws need less (1.4.11).
      for (const part of ['edge', 'plot-1', 'plot-2', 'plot-3', 'plot-4']) {
        const found = contrast(colours[part], colours[surface]);
        assert.ok(found >= 3, `${theme}: ${part} on ${surface} has ${found.toFixed(2)}`);
      }
    }
    for (const fill of FILLS) {
      const found = contrast(colours[on(fill)], colours[fill]);
      assert.ok(found >= 4.5, `${theme}: ${on(fill)} on ${fill} has ${found.toFixed(2)}`);
    }
    assert.ok(contrast(colours.panel, colours.text) >= 7, `${theme}: text is easy to read`);
  }
});

test('the light theme is the same whether chosen or the system is light', () => {
  assert.equal(blocks.length, 3);
  assert.deepEqual(system.colours, light.colours);
  assert.deepEqual(Object.keys(dark.colours).sort(), Object.keys(light.colours).sort());
});

test('colours stand among the tokens only, and there are no gradients', () => {
  for (const { path, text } of css.filter((file) => !file.path.endsWith('tokens.css'))) {
    assert.ok(!/#[0-9a-f]{3,8}\b/i.test(text), `${path} has a colour of its own`);
    assert.ok(!text.includes('gradient'), path);
  }
});

test('each token that is used is there', () => {
  for (const { path, text } of css) {
    for (const [, name] of text.matchAll(/var\(--([\w-]+)\)/g)) assert.ok(name in dark.colours, `${path}: --${name}`);
  }
});

test('each severity has a shape of its own, so that colour is not all', () => {
  const icons = files('app/parts', 'icon.js')[0]?.text ?? '';
  const shapes = [...icons.matchAll(/^ {2}(emergency|high|medium|low): '([^']+)'/gm)].map(([, , path]) => path);
  assert.equal(new Set(shapes).size, 4);
});
