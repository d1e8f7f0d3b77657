// The contract of all clients: `clients/contract`.

import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Script } from './fake/script.js';

const directory = new URL('../../contract/scenarios/', import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith('.json')).sort();
if (files.length < 28) throw new Error(`only ${files.length} scenarios in ${directory}`);

for (const file of files) {
  const scenario = JSON.parse(readFileSync(new URL(file, directory), 'utf8'));
  for (const run of scenario.runs ?? ['ws+json', 'ws+cbor', 'sse', 'poll']) {
    test(`${file.slice(0, 2)} ${scenario.name} (${run})`, { concurrency: true }, () => new Script(scenario, run).play());
  }
}
