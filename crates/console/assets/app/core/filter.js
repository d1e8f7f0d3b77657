// Searching in what is shown.

/** @param {string} text without case and accents @returns {string} */
export const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/**
 * Whether each word of `search` is in one of the texts.
 * @param {string} search @param {(string|null|undefined)[]} texts @returns {boolean}
 */
export function matches(search, texts) {
  const words = plain(search).split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const all = texts.map((text) => plain(text ?? ''));
  return words.every((word) => all.some((text) => text.includes(word)));
}

/**
 * Whether a topic matches a filter: `+` one level, a final `#` all below and the topic itself.
 * @param {string} filter @param {string} topic @returns {boolean}
 */
export function topicMatches(filter, topic) {
  const [wanted, levels] = [filter.split('/'), topic.split('/')];
  for (let at = 0; at < wanted.length; at += 1) {
    if (wanted[at] === '#') return true;
    if (at >= levels.length || (wanted[at] !== '+' && wanted[at] !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}
