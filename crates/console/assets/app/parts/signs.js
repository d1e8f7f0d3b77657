// Small parts that say how something stands: severity, state, quality, age.
import { freshness, millis } from '../core/age.js';
import { nodeNow, tick } from '../data/clock.js';
import { link } from '../data/live.js';
import { ageText, dateTime, t } from '../data/text.js';
import { html, useStore } from './html.js';
import { Icon, Shape } from './icon.js';

/** @param {{of: string}} props @returns {any} */
export const Severity = ({ of }) => html`<span class=${`severity ${of}`}><${Shape} of=${of} />${t(`severity.${of}`)}</span>`;

/** @param {{of: string}} props @returns {any} */
export const CaseState = ({ of }) => html`<span class=${`state ${of}`}>${t(`state.${of}`)}</span>`;

/** Anything of which there are a few words: a colour for the tone, and the word. @param {{tone?: string, children?: any}} props @returns {any} */
export const Word = ({ tone = 'plain', children }) => html`<span class=${`word ${tone}`}>${children}</span>`;

/** @param {{of: string}} props @returns {any} */
export const Quality = ({ of }) => html`<span class=${`quality ${of}`}>${t(`quality.${of}`)}</span>`;

/**
 * How long ago something was: it ticks. Without a time it is unknown.
 * @param {{at: string|number|null|undefined, limit?: number, never?: string}} props
 *   `limit`: milliseconds from which on it is marked as old; `never`: said if there is no time
 * @returns {any}
 */
export function Age({ at, limit, never }) {
  const since = millis(at);
  const text = useStore(tick, (now) => (since === null ? '' : ageText(now - since)));
  const lost = useStore(link, (now) => (now.state === 'lost' ? 'lost' : 'open'));
  if (since === null) return html`<span class="age unknown">${never ?? t('value.unknown')}</span>`;
  const how = freshness({ at: since, now: nodeNow(), link: lost, ...(limit === undefined ? {} : { limit }) });
  return html`<time class=${`age ${how}`} datetime=${new Date(since).toISOString()} title=${dateTime(since)}>${text}</time>`;
}

/** How long it is until something. @param {{at: string|number}} props @returns {any} */
export function Until({ at }) {
  const due = millis(at) ?? 0;
  const text = useStore(tick, (now) => (due > now ? t('time.in', { time: ageText(due - now) }) : t('time.over')));
  return html`<time class="age" title=${dateTime(due)}>${text}</time>`;
}

/** A point in time. @param {{at: string|number|null|undefined}} props @returns {any} */
export const When = ({ at }) => {
  const ms = millis(at);
  return ms === null
    ? html`<span class="age unknown">${t('value.none')}</span>`
    : html`<time datetime=${new Date(ms).toISOString()}>${dateTime(ms)}</time>`;
};

/** @param {{children?: any}} props @returns {any} */
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

/** What could not be done, and why. @param {{error: string|null|undefined}} props @returns {any} */
export const Failure = ({ error }) => (error ? html`<p class="failure" role="alert">${t('error.failed')} ${error}</p>` : null);

/** @param {{label: string, children?: any}} props @returns {any} */
export const Fact = ({ label, children }) => html`<div class="fact"><dt>${label}</dt><dd>${children ?? t('value.none')}</dd></div>`;

/**
 * A way to another page, or a button, with a sign.
 * @param {{icon?: string, label: string, onClick: (event: Event) => void, kind?: string, pressed?: boolean, disabled?: boolean, bare?: boolean, keys?: string}} props
 *   `bare`: only the sign is seen
 * @returns {any}
 */
export const Button = ({ icon, label, onClick, kind = '', pressed, disabled, bare, keys }) => html`
  <button type="button" class=${`button ${kind}`} onClick=${onClick} aria-pressed=${pressed} disabled=${disabled}
    aria-keyshortcuts=${keys} aria-label=${bare ? label : undefined} title=${bare ? label : undefined}>
    ${icon && html`<${Icon} name=${icon} />`}${!bare && html`<span>${label}</span>`}${keys && html`<kbd aria-hidden="true">${keys}</kbd>`}
  </button>`;
