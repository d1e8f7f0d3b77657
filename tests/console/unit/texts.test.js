// Both languages have all texts, and no text stands in the code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import de from '../../../crates/console/assets/app/i18n/de.js';
import en from '../../../crates/console/assets/app/i18n/en.js';
import { files } from './app.js';

const code = () => files('app', '.js').filter((file) => !file.path.startsWith('app/i18n/'));

test('both dictionaries have the same keys and places', () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
  for (const [key, text] of Object.entries(en)) {
    assert.ok(text.trim() && de[key].trim(), key);
    assert.deepEqual(places(de[key]), places(text), key);
  }
});

test('every text that is asked for is there, and every one there is asked for', () => {
  const whole = code().map((file) => file.text).join('\n');
  const exact = new Set([...whole.matchAll(/'([a-z]+(?:\.[\w-]+)+)'/g)].map((found) => found[1]));
  const begun = [...whole.matchAll(/`([a-z]+\.(?:[a-z-]+\.)*)\$\{/g)].map((found) => found[1]);
  const has = (key) => key in en || `${key}.other` in en;
  const asked = [...whole.matchAll(/\bt\('([^']+)'/g)].map((found) => found[1]);
  assert.ok(asked.length > 200, 'the way texts are asked for has changed');
  for (const key of asked) assert.ok(has(key), `${key} is in no dictionary`);
  for (const key of Object.keys(en)) {
    const base = key.replace(/\.(one|other)$/, '');
    assert.ok(exact.has(base) || begun.some((start) => base.startsWith(start)), `${key} is asked for nowhere`);
  }
});

/** The templates of markup in a file, without what is put into them. */
function* templates(text) {
  /** Reads a template from behind its first backtick. @returns {[string, number]} its own text, and where it ends */
  const read = (from) => {
    let [own, at] = ['', from];
    while (text[at] !== '`') {
      if (text[at] === '$' && text[at + 1] === '{') {
        let depth = 1;
        for (at += 2; depth > 0; at += 1) {
          if (text[at] === '`') [, at] = read(at + 1);
          else if (text[at] === '{') depth += 1;
          else if (text[at] === '}') depth -= 1;
        }
        own += '\u0000';
      } else { own += text[at]; at += 1; }
    }
    return [own, at];
  };
  for (const found of text.matchAll(/\bhtml`/g)) yield read(found.index + found[0].length)[0];
}

/** Words for people within a template: between tags, or in attributes that are read out. */
function words(template) {
  const said = [...template.matchAll(/\b(?:aria-label|title|placeholder|alt)="([^"\u0000]*)"/g)].map((found) => found[1]);
  const between = template.replace(/<[^>]*>/g, '\u0000').split('\u0000');
  return [...said, ...between].map((text) => text.trim()).filter((text) => /\p{L}{2,}/u.test(text));
}

test('no text for people stands in the code', () => {
  // The name of the product, and names of keys.
  const allowed = new Set(['Spica']);
  let seen = 0;
  for (const file of code()) {
    for (const template of templates(file.text)) {
      seen += 1;
      for (const text of words(template)) assert.ok(allowed.has(text), `${file.path}: "${text}"`);
    }
  }
  assert.ok(seen > 150, `${seen} templates: the way markup is written has changed`);
  assert.deepEqual(words('<b title="Hello">\u0000 World <i/>x</b>'), ['Hello', 'World'], 'the check finds what it must');
});

test('modules are short', () => {
  for (const { path, text } of code()) assert.ok(text.split('\n').length <= 300, path);
});
