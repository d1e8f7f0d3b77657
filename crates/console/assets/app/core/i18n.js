// Texts in a language. Numbers, times and plurals by Intl.

/** @typedef {Record<string, string>} Dictionary */
/** @typedef {Record<string, string|number>} Params */

/**
 * A text of a dictionary with its `{places}` filled. `key.one` and `key.other` are chosen by `{count}`.
 * A key that is not there is shown as it is, so that it is found.
 * @param {Dictionary} dictionary @param {string} language @param {string} key @param {Params} [params]
 * @returns {string}
 */
export function translate(dictionary, language, key, params) {
  let text = dictionary[key];
  if (text === undefined && params && typeof params.count === 'number') {
    text = dictionary[`${key}.${new Intl.PluralRules(language).select(params.count)}`] ?? dictionary[`${key}.other`];
  }
  if (text === undefined) return key;
  if (!params) return text;
  return text.replace(/\{(\w+)\}/g, (place, name) => {
    const value = params[name];
    if (value === undefined) return place;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** The language to begin with. @param {readonly string[]} wanted by the browser @returns {'en'|'de'} */
export function preferred(wanted) {
  for (const tag of wanted) {
    const language = tag.slice(0, 2).toLowerCase();
    if (language === 'de' || language === 'en') return language;
  }
  return 'en';
}
