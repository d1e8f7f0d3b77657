// Registering a device, and changing or removing its registration.
import { part, send } from '../../data/api.js';
import { go } from '../../data/place.js';
import { t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { attempt } from '../../parts/say.js';
import { reload } from './all.js';

/** @param {Api.Device|null} device @returns {import('../../parts/ask.js').Field[]} */
const fields = (device) => [
  ...(device ? [] : [{ name: 'serial', label: t('device.serial'), required: true, pattern: '[!-~]{1,10}', hint: t('device.serial-hint') }]),
  { name: 'name', label: t('device.name'), value: device?.name ?? '' },
  { name: 'customer', label: t('device.customer'), value: device?.customer ?? '' },
  { name: 'check_in_minutes', label: t('device.interval'), type: /** @type {const} */ ('number'), value: String(device?.check_in_minutes ?? 30), required: true },
  { name: 'grace_minutes', label: t('device.grace'), type: /** @type {const} */ ('number'), value: String(device?.grace_minutes ?? 5), required: true },
  { name: 'note', label: t('device.note'), type: /** @type {const} */ ('area'), value: device?.note ?? '' },
];

/** @param {Record<string, string>} answer @param {Api.Device|null} device */
const registration = (answer, device) => ({
  name: answer.name || null, customer: answer.customer || null, note: answer.note || null,
  check_in_minutes: Number(answer.check_in_minutes), grace_minutes: Number(answer.grace_minutes),
  ...(device ? { enabled: device.enabled, allowed_versions: device.allowed_versions } : {}),
});

/** Registers a new one. */
export async function register() {
  const answer = await ask({ title: t('device.register'), fields: fields(null), confirm: t('device.register') });
  if (!answer) return;
  const { serial = '' } = answer;
  const made = await attempt(() => send('POST', '/v1/devices', { serial, ...registration(answer, null) }), t('device.registered', { serial }));
  if (made) { await reload(serial); go('devices', [serial]); }
}

/** @param {Api.Device} device */
export async function edit(device) {
  const answer = await ask({ title: t('device.edit'), text: device.serial, fields: fields(device), confirm: t('form.save') });
  if (!answer) return;
  await attempt(() => send('PUT', `/v1/devices/${part(device.serial)}`, registration(answer, device)), t('device.saved', { serial: device.serial }));
  await reload(device.serial);
}

/** @param {Api.Device} device */
export async function toggle(device) {
  const verb = device.enabled ? 'disable' : 'enable';
  const answer = await ask({ title: t(`device.${verb}`), text: t(`device.${verb}-text`, { serial: device.serial }), confirm: t(`device.${verb}`), danger: device.enabled });
  if (!answer) return;
  await attempt(() => send('POST', `/v1/devices/${part(device.serial)}/${verb}`), t('device.saved', { serial: device.serial }));
  await reload(device.serial);
}

/** @param {Api.Device} device */
export async function remove(device) {
  const answer = await ask({ title: t('device.remove'), text: t('device.remove-text', { serial: device.serial }), confirm: t('device.remove'), danger: true });
  if (!answer) return;
  const done = await attempt(async () => { await send('DELETE', `/v1/devices/${part(device.serial)}`); return true; }, t('device.removed', { serial: device.serial }));
  if (done) { await reload(device.serial); go('devices'); }
}
