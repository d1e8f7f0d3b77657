// Questions before something is done: one dialog for all pages. The browser keeps the focus in it
// and gives it back.
import { store } from '../core/store.js';
import { t } from '../data/text.js';
import { html, useEffect, useRef, useState, useStore } from './html.js';
import { Button } from './signs.js';

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {'text'|'number'|'select'|'area'|'checkbox'|'file'} [type]
 * @property {string} [value] to begin with
 * @property {boolean} [required]
 * @property {string} [hint]
 * @property {string} [pattern]
 * @property {[string, string][]} [options] of a select: value and words
 * @property {string} [accept] of a file: what is offered; the answer is its text
 */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} [text]
 * @property {Field[]} [fields]
 * @property {string} [confirm] words of the button that does it
 * @property {boolean} [danger]
 * @property {(answer: Record<string, string>) => {name: string, why: string}|null} [check] what is wrong with an answer, if anything is
 * @property {any} [show] something to be read instead of answered
 */

/** @type {import('../core/store.js').Store<(Question & {done: (answer: Record<string, string>|null) => void})|null>} */
const asked = store(/** @type {(Question & {done: (answer: Record<string, string>|null) => void})|null} */ (null));

/** Asks; null if it is not to be done. @param {Question} question @returns {Promise<Record<string, string>|null>} */
export const ask = (question) => new Promise((resolve) => {
  asked.get()?.done(null);
  asked.set({ ...question, done: (answer) => { asked.set(null); resolve(answer); } });
});

/** Whether a question waits for its answer. @returns {boolean} */
export const asking = () => asked.get() !== null;

/** @param {{field: Field, value: string, onInput: (value: string) => void, first: boolean, wrong?: string}} props @returns {any} */
export function Input({ field, value, onInput, first, wrong }) {
  const of = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.target);
  const common = {
    id: `field-${field.name}`, name: field.name, required: field.required, autofocus: first,
    'aria-describedby': [field.hint && `hint-${field.name}`, wrong && `wrong-${field.name}`].filter(Boolean).join(' ') || undefined,
    'aria-invalid': wrong ? 'true' : undefined, autocomplete: 'off',
    onInput: (/** @type {Event} */ event) => onInput(of(event).value),
  };
  const hint = field.hint && html`<small id=${`hint-${field.name}`}>${field.hint}</small>`;
  // A file is read when it is chosen; one that cannot be read is none.
  const onFile = (/** @type {Event} */ event) => { onInput(''); of(event).files?.[0]?.text().then(onInput, () => {}); };
  if (field.type === 'checkbox') {
    return html`<label class="field check"><input type="checkbox" ...${common} checked=${value === 'true'}
      onInput=${(/** @type {Event} */ event) => onInput(String(of(event).checked))} /><span>${field.label}</span>${hint}</label>`;
  }
  return html`<label class="field"><span>${field.label}${field.required && html` <abbr title=${t('form.required')}>*</abbr>`}</span>
    ${field.type === 'select' ? html`<select ...${common} value=${value}>${(field.options ?? []).map(([option, words]) => html`<option key=${option} value=${option} selected=${option === value}>${words}</option>`)}</select>`
    : field.type === 'area' ? html`<textarea rows="3" ...${common} value=${value}></textarea>`
    : field.type === 'file' ? html`<input type="file" ...${common} accept=${field.accept} onInput=${onFile} />`
    : html`<input type=${field.type ?? 'text'} ...${common} value=${value} pattern=${field.pattern} />`}
    ${hint}${wrong && html`<small class="failure" id=${`wrong-${field.name}`} role="alert">${wrong}</small>`}</label>`;
}

/** @returns {any} */
export function AskHere() {
  const question = useStore(asked);
  const box = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const [answer, setAnswer] = useState(/** @type {Record<string, string>} */ ({}));
  const [wrong, setWrong] = useState(/** @type {{name: string, why: string}|null} */ (null));
  useEffect(() => {
    const dialog = box.current;
    if (!dialog || !question) return;
    setWrong(null);
    setAnswer(Object.fromEntries((question.fields ?? []).map((field) => [field.name, field.value ?? ''])));
    if (!dialog.open) dialog.showModal();
  }, [question]);
  if (!question) return null;
  const fields = question.fields ?? [];
  const submit = (/** @type {Event} */ event) => { 
    event.preventDefault();
    const found = question.check?.(answer) ?? null;
    setWrong(found);
    if (found) /** @type {HTMLElement|null|undefined} */ (box.current?.querySelector(`[name="${found.name}"]`))?.focus();
    else question.done(answer);
  };
  return html`
    <dialog ref=${box} class="ask" aria-labelledby="ask-title" onClose=${() => question.done(null)} onCancel=${() => question.done(null)}>
      <form onSubmit=${submit}>
        <h2 id="ask-title">${question.title}</h2>
        ${question.text && html`<p>${question.text}</p>`}
        ${question.show}
        ${fields.map((field, at) => html`<${Input} key=${field.name} field=${field} first=${at === 0} value=${answer[field.name] ?? field.value ?? ''} wrong=${wrong?.name === field.name ? wrong.why : undefined}
          onInput=${(/** @type {string} */ value) => setAnswer((now) => ({ ...now, [field.name]: value }))} />`)}
        <div class="row end">
          ${!question.show && html`<${Button} label=${t('form.cancel')} onClick=${() => question.done(null)} />`}
          <button type="submit" class=${`button ${question.danger ? 'danger' : 'primary'}`}>${question.confirm ?? t('form.ok')}</button>
        </div>
      </form>
    </dialog>`;
}
