// All devices, asked for once and kept up to date by what they and operators do.
import { store } from '../../core/store.js';
import { get, getAll, part } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { useEffect, useStore } from '../../parts/html.js';

/** @typedef {{all: ReadonlyMap<string, Api.Device>, loaded: boolean, error: string|null}} Devices */

/** @type {import('../../core/store.js').Store<Devices>} */
export const devices = store(/** @type {Devices} */ ({ all: new Map(), loaded: false, error: null }));

/** How often the list is drawn anew at most, in milliseconds: a thousand devices check in at once. */
const EVERY = 400;

/** Changes that wait to be drawn. @type {Map<string, Api.Device|null>} */
const changes = new Map();
let drawing = false;

/** @param {string} serial @param {Api.Device|null} device null: it is not there any more */
function change(serial, device) {
  changes.set(serial, device);
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    const all = new Map(devices.get().all);
    for (const [key, value] of changes) if (value) all.set(key, value); else all.delete(key);
    changes.clear();
    devices.update((now) => ({ ...now, all }));
  }, EVERY);
}

/** @param {string} serial */
export async function reload(serial) {
  try {
    change(serial, await get(`/v1/devices/${part(serial)}`));
  } catch {
    change(serial, null);
  }
}

/** @param {import('../../data/live.js').Held} held */
function onCheckIn(held) {
  const serial = held.topic.split('/').at(-2) ?? '';
  const known = changes.get(serial) ?? devices.get().all.get(serial);
  if (!known) return;
  const value = /** @type {{software_version?: string}|undefined} */ (held.value);
  const due = held.received + (known.check_in_minutes + known.grace_minutes) * 60_000;
  change(serial, {
    ...known, last_check_in: new Date(held.received).toISOString(), missed_at: known.missed_at && new Date(due).toISOString(),
    software_version: value?.software_version ?? known.software_version,
  });
}

/** How often the list was asked for: only the last answer counts. */
let asked = 0;

/** Asks for all of them again. */
export const reloadAll = () => load();

async function load() {
  asked += 1;
  const mine = asked;
  const put = (/** @type {Api.Device[]} */ items) => devices.set({ all: new Map(items.map((one) => [one.serial, one])), loaded: true, error: null });
  try {
    const { items } = await getAll('/v1/devices', 'devices', { limit: 1000 });
    if (mine === asked) put(items.map((one) => /** @type {Api.Device} */ (one)));
  } catch (error) {
    if (mine !== asked) return;
    devices.update((now) => ({ ...now, error: error instanceof Error ? error.message : String(error) }));
  }
}

/** The devices, while the calling component is shown. @returns {Devices} */
export function useDevices() {
  const found = useStore(devices);
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  useEffect(() => {
    if (!node) return undefined;
    const stops = [
      watch(`${node}/devices/+/check-in`, { kinds: 'state', snapshot: false, every: EVERY }, onCheckIn, load),
      watch(`${node}/devices/+/registration`, { kinds: 'state', snapshot: false }, (held) => reload(held.topic.split('/').at(-2) ?? ''), load),
    ];
    load();
    return () => stops.forEach((stop) => stop());
  }, [node, times]);
  return found;
}
