// Many devices at once, from a file with rows and columns: all of them, or none and what is wrong with it.
import { Problem, sendText } from '../../data/api.js';
import { t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { html } from '../../parts/html.js';
import { attempt, say } from '../../parts/say.js';
import { reloadAll } from './all.js';
import { lines } from './model.js';

/** @param {{problem: Problem}} props @returns {any} */
const Wrong = ({ problem }) => html`<p>${t('import.nothing')}</p>
  <ul class="plain-list import-lines" tabindex="0" aria-label=${t('import.wrong')}>${lines(problem.parts).map(({ line, field, detail }, at) => html`<li key=${at}>
    <b>${line === null ? t('import.file') : t('import.line', { line })}</b> ${field && html`<span class="mono">${field}</span> `}<span class="wrap">${detail}</span></li>`)}</ul>`;

/** Asks for a file, and imports it. */
export async function importDevices() {
  const answer = await ask({
    title: t('import.title'), text: t('import.text'), confirm: t('import.do'),
    fields: [{ name: 'file', label: t('import.file'), type: 'file', accept: '.csv,text/csv', required: true, hint: 'serial,name,customer,check_in_minutes,grace_minutes,note,enabled' }],
    check: ({ file = '' }) => (file.trim() ? null : { name: 'file', why: t('import.empty') }),
  });
  if (!answer) return;
  try {
    const { imported } = /** @type {{imported: number}} */ (await sendText('POST', '/v1/devices/import', answer.file, 'text/csv'));
    say(t('import.done', { count: imported }));
    await reloadAll();
  } catch (error) {
    if (error instanceof Problem && error.parts.length > 0) await ask({ title: t('import.wrong'), show: html`<${Wrong} problem=${error} />`, confirm: t('form.close') });
    else await attempt(() => Promise.reject(error));
  }
}
