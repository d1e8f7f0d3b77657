// Where the modules of the console stand, and their files.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ASSETS = join(import.meta.dirname, '../../../crates/console/assets');

/** @param {string} below a folder of the assets @param {string} end of the name @returns {{path: string, text: string}[]} */
export function files(below, end) {
  const root = join(ASSETS, below);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(end))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ASSETS, path), text: readFileSync(path, 'utf8') }));
}
