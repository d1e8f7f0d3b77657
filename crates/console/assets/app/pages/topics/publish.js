// Publishing a record by hand. Who did it stands in the record.
import { part, sendText } from '../../data/api.js';
import { t } from '../../data/text.js';
import { ask } from '../../parts/ask.js';
import { attempt } from '../../parts/say.js';
import { TYPES, notJson } from './model.js';

/** @param {Record<string, string>} answer */
function check({ type = '', payload = '' }) {
  const why = type === TYPES[0] ? notJson(payload) : null;
  return why === null ? null : { name: 'payload', why: t('publish.not-json', { why }) };
}

/** @param {string} topic to begin with */
export async function publish(topic) {
  const answer = await ask({
    title: t('publish.title'), text: t('publish.text'), confirm: t('publish.do'), check,
    fields: [
      { name: 'topic', label: t('topics.topic'), value: topic, required: true, pattern: '[^+#]+', hint: t('publish.topic-hint') },
      { name: 'kind', label: t('topics.kind'), type: 'select', value: 'state', options: ['state', 'event'].map((kind) => [kind, t(`kind.${kind}`)]), hint: t('publish.kind-hint') },
      { name: 'class', label: t('publish.class'), type: 'select', value: 'normal', options: ['normal', 'critical'].map((lane) => [lane, t(`class.${lane}`)]) },
      { name: 'quality', label: t('topics.quality'), type: 'select', value: 'good', options: ['good', 'uncertain', 'bad'].map((quality) => [quality, t(`quality.${quality}`)]) },
      { name: 'type', label: t('topics.type'), type: 'select', value: TYPES[0], options: TYPES.map((type) => [type, type]) },
      { name: 'payload', label: t('publish.payload'), type: 'area', required: true },
    ],
  });
  if (!answer) return;
  const { topic: to = '', kind, class: lane, quality, type, payload } = answer;
  await attempt(() => sendText('POST', `/v1/topics/${part(to.trim())}`, payload, type, { kind, class: lane, quality }), t('publish.done', { topic: to.trim() }));
}
