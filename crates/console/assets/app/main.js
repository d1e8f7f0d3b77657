// Begins: settings on the document, what is followed from the start, the page.
import { h, render } from 'preact';
import { followCases } from './data/cases.js';
import { followPartner } from './data/partner.js';
import { apply, settings } from './data/settings.js';
import { followSound } from './data/sound.js';
import { followVersion } from './data/version.js';
import { check } from './data/enter.js';
import { App } from './shell/app.js';

apply();
settings.watch(apply);
followCases();
followSound();
followPartner();
followVersion();
const place = document.getElementById('app');
if (place) render(h(App, null), place);
check();
