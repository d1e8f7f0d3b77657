// What is heard of new alarms. A browser plays nothing before somebody has touched the page, so the
// operator switches it on; the page says when it is off.
import { store } from '../core/store.js';
import { rank } from '../core/severity.js';
import { cases, raised } from './cases.js';
import { settings } from './settings.js';

/** How often it sounds again while an emergency wants somebody, in milliseconds. */
const AGAIN = 8000;
/** Two tones for each severity that is heard: hertz. */
const TONES = [[988, 740, 988, 740, 988, 740], [784, 659, 784], [523]];

/** @type {AudioContext|null} */
let audio = null;

/** `blocked`: wanted, but the browser waits for somebody to touch the page. */
export const sound = store(/** @type {'off'|'on'|'blocked'} */ (settings.get().sound ? 'blocked' : 'off'));

/** @param {number} severity its rank */
function play(severity) {
  const tones = TONES[severity];
  if (!audio || audio.state !== 'running' || !tones) return;
  tones.forEach((hertz, at) => {
    if (!audio) return;
    const [begin, tone, volume] = [audio.currentTime + at * 0.22, audio.createOscillator(), audio.createGain()];
    tone.type = 'triangle';
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.35, begin + 0.02);
    volume.gain.setValueAtTime(0.35, begin + 0.16);
    volume.gain.linearRampToValueAtTime(0, begin + 0.2);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.21);
  });
}

/** Follows the setting; to be called in answer to a click or a key, so that the browser allows it. */
export async function allow() {
  if (!settings.get().sound) {
    sound.set('off');
    await audio?.suspend();
    return;
  }
  audio ??= new AudioContext();
  await audio.resume();
  sound.set(audio.state === 'running' ? 'on' : 'blocked');
}

/** Plays what an emergency sounds like. */
export const test = () => play(0);

/** Begins to listen for new cases. */
export function followSound() {
  raised.watch(() => {
    const last = raised.get().at(-1);
    if (last && !last.quiet) play(rank(last.severity));
  });
  setInterval(() => {
    for (const one of cases.get().all.values()) {
      if (one.severity === 'emergency' && !one.quiet && !one.acknowledged && one.state !== 'closed') return play(0);
    }
  }, AGAIN);
  for (const event of ['pointerdown', 'keydown']) {
    addEventListener(event, () => { if (sound.get() === 'blocked') allow(); }, { capture: true });
  }
}
