// The pages, in the order of the menu.
import { Audit } from '../pages/audit/page.js';
import { Cases } from '../pages/cases/page.js';
import { Devices } from '../pages/devices/page.js';
import { Handlers } from '../pages/handlers/page.js';
import { Overview } from '../pages/overview/page.js';
import { Stations } from '../pages/stations/page.js';
import { Topics } from '../pages/topics/page.js';
import { Users } from '../pages/users/page.js';

/** @typedef {{name: string, key: string, role: 'reader'|'operator'|'admin', view: any}} Page `key`: the letter behind `g` */

/** @type {readonly Page[]} */
export const PAGES = [
  { name: 'overview', key: 'o', role: 'reader', view: Overview },
  { name: 'cases', key: 'c', role: 'reader', view: Cases },
  { name: 'devices', key: 'd', role: 'reader', view: Devices },
  { name: 'topics', key: 't', role: 'reader', view: Topics },
  { name: 'stations', key: 's', role: 'reader', view: Stations },
  { name: 'handlers', key: 'h', role: 'reader', view: Handlers },
  { name: 'audit', key: 'a', role: 'reader', view: Audit },
  { name: 'users', key: 'u', role: 'admin', view: Users },
];
