// What a device is asked to do, and how far that is.
import { get, part, send } from '../../data/api.js';
import { link, watch } from '../../data/live.js';
import { t, tOr } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html, useEffect, useState, useStore } from '../../parts/html.js';
import { attempt } from '../../parts/say.js';
import { Age, Button, Empty, Failure, Word } from '../../parts/signs.js';
import { ALERTS, COMMANDS, argumentsOf } from './model.js';

/** @type {Record<string, string>} */
const TONES = { queued: 'plain', sent: 'plain', confirmed: 'good', refused: 'bad', expired: 'bad', cancelled: 'quiet' };
const SHOWN = 20;

/** @param {{name: string, type: string}} field @returns {import('../../parts/ask.js').Field} */
const field = ({ name, type }) => ({
  name, label: t(`command.${name}`), required: true,
  ...(type === 'event' ? { type: 'select', value: ALERTS[0] ?? '', options: ALERTS.map((event) => [event, t(`condition.${event}`)]) } : { type: type === 'number' ? 'number' : 'text' }),
});

/** @param {string} serial @param {typeof COMMANDS[number]} command */
async function order(serial, command) {
  const answer = await ask({ title: t(`command.${command.name}`), text: t('command.when', { serial }), fields: command.fields.map(field), confirm: t('command.send') });
  if (!answer) return;
  const given = command.fields.length > 0 ? { arguments: argumentsOf(command.name, answer) } : {};
  await attempt(() => send('POST', `/v1/devices/${part(serial)}/commands`, { name: command.name, ...given }), t('command.queued', { what: t(`command.${command.name}`) }));
}

/** @param {string} serial */
function useCommands(serial) {
  const node = useStore(link, (now) => now.node);
  const times = useStore(link, (now) => now.times);
  const [found, setFound] = useState({ commands: /** @type {Api.Command[]|null} */ (null), error: '' });
  useEffect(() => {
    let gone = false;
    const load = () => get(`/v1/devices/${part(serial)}/commands`)
      .then((page) => { if (!gone) setFound({ commands: page.commands, error: '' }); })
      .catch((error) => { if (!gone) setFound((now) => ({ ...now, error: error.message })); });
    load();
    const stop = node ? watch(`${node}/devices/${serial}/commands/+`, { kinds: 'state', snapshot: false }, load, load) : () => {};
    return () => { gone = true; stop(); };
  }, [serial, node, times]);
  return found;
}

/** @param {{serial: string, allowed: boolean}} props @returns {any} */
export function Commands({ serial, allowed }) {
  const { commands, error } = useCommands(serial);
  const cancel = (/** @type {Api.Command} */ one) => attempt(() => send('DELETE', `/v1/devices/${part(serial)}/commands/${one.id}`), t('command.cancelled'));
  return html`
    ${allowed && html`<div class="actions" role="group" aria-label=${t('command.send')}>${COMMANDS.map((command) => html`
      <${Button} key=${command.name} label=${t(`command.${command.name}`)} onClick=${() => order(serial, command)} />`)}</div>`}
    <${Failure} error=${error} />
    ${commands && commands.length === 0 && html`<${Empty}>${t('command.none')}</${Empty}>`}
    <ul class="plain-list">${(commands ?? []).slice(0, SHOWN).map((one) => html`<li key=${one.id}>
      <div><b>${tOr(`command.${one.name}`, one.name)}</b> <${Word} tone=${TONES[one.state] ?? 'plain'}>${tOr(`command.state.${one.state}`, one.state)}</${Word}>
        <small>${t('cases.by', { by: one.by })}${one.attempts > 1 && ` · ${t('command.attempts', { count: one.attempts })}`}</small></div>
      ${allowed && one.state === 'queued' && html`<${Button} label=${t('command.cancel')} onClick=${() => cancel(one)} />`}
      <${Age} at=${one.settled_at ?? one.sent_at ?? one.queued_at} /></li>`)}</ul>`;
}
