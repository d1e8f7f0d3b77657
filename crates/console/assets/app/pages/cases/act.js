// Doing something about a case: asks what is needed, orders it, says how it went.
import { part, send } from '../../data/api.js';
import { apply } from '../../data/cases.js';
import { get } from '../../data/api.js';
import { t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { attempt } from '../../parts/say.js';
import { title } from './words.js';

/** How long a shelf may be offered to be; the node refuses what is too long. */
const SHELVES = ['15min', '30min', '1h', '4h', '8h'];

/** @param {Api.Case} one @param {import('./model.js').Action} action @returns {import('../../parts/ask.js').Field[]} */
function fields(one, action) {
  /** @type {import('../../parts/ask.js').Field[]} */
  const found = [];
  if (action.name === 'assign') found.push({ name: 'to', label: t('cases.assign-to'), value: one.owner ?? '', required: true });
  if (action.name === 'shelve') {
    const options = SHELVES.map((time) => /** @type {[string, string]} */ ([time, t(`cases.shelf.${time}`)]));
    found.push({ name: 'for', label: t('cases.shelve-for'), type: 'select', value: '30min', options: [...options, ['', t('cases.shelf.once')]] });
  }
  if (action.why !== 'none') {
    found.push({ name: 'why', label: action.name === 'comment' ? t('cases.comment') : t('cases.why'), type: 'area', required: action.why === 'wanted' });
  }
  return found;
}

/**
 * @param {Api.Case} one @param {import('./model.js').Action} action
 * @returns {Promise<void>} once it is done, or was given up
 */
export async function act(one, action) {
  const wanted = fields(one, action);
  const answer = wanted.length === 0 ? {} : await ask({
    title: t(`action.${action.name}`), text: title(one), fields: wanted, confirm: t(`action.${action.name}`),
    danger: action.name === 'out-of-service' || action.name === 'suppress',
  });
  if (!answer) return;
  const given = Object.fromEntries(Object.entries(answer).filter(([, value]) => value.trim() !== ''));
  const done = t(`done.${action.name}`, { what: title(one) });
  await attempt(async () => {
    if (action.on === 'step') {
      apply(await send('POST', `/v1/cases/${part(one.id)}/steps`, { do: action.name, ...given }));
    } else {
      await send('POST', '/v1/conditions', { do: action.name, source: one.source, condition: one.condition, ...given });
      apply(await get(`/v1/cases/${part(one.id)}`));
    }
  }, done);
}
