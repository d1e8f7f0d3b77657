// The HTTP interface. Every request carries the token; what is refused is a `Problem`.
import { forget, setSession, token } from './session.js';

const PATIENCE = 20_000;

/** @typedef {{index?: number|null, field?: string|null, detail: string}} Part a line or an item, and its field */

/** Why a request has no answer that helps. */
export class Problem extends Error {
  /**
   * @param {number} status of HTTP; 0: no answer at all
   * @param {string} detail for people, as the node says it
   * @param {string} [type] for programs
   * @param {Part[]} [parts] what is wrong with which part of what was sent
   */
  constructor(status, detail, type = '', parts = []) {
    super(detail);
    this.status = status;
    this.type = type;
    this.parts = parts;
  }
}

/**
 * @param {string} method @param {string} path @param {string} [body] @param {string} [type] of the body
 * @returns {Promise<Response>}
 */
async function request(method, path, body, type = 'application/json') {
  const secret = token();
  /** @type {Record<string, string>} */
  const headers = secret ? { authorization: `Bearer ${secret}` } : {};
  if (body !== undefined) headers['content-type'] = type;
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(PATIENCE),
      body: body ?? null,
    });
  } catch (error) {
    throw new Problem(0, error instanceof Error ? error.message : String(error));
  }
  // The node that does not serve sends its clients to its partner; the browser would drop the token.
  if (answer.type === 'opaqueredirect') throw new Problem(0, '', 'passive');
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401 && secret) {
    forget();
    setSession({ phase: 'out', role: null, refused: said.detail ?? answer.statusText });
  }
  const parts = /** @type {Part[]} */ (Array.isArray(said.errors) ? said.errors : []);
  throw new Problem(answer.status, [said.detail ?? answer.statusText, ...parts.map((one) => one.detail)].join('; '), said.type, parts);
}

/** @param {Record<string, string|number|null|undefined>} query @returns {string} */
function asked(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`;
}

/**
 * @template T
 * @param {string} path @param {Record<string, string|number|null|undefined>} [query]
 * @returns {Promise<T>}
 */
export const get = async (path, query = {}) => (await request('GET', path + asked(query))).json();

/** @param {string} path @returns {Promise<string>} */
export const getText = async (path) => (await request('GET', path)).text();

/** @param {string} path @returns {Promise<Blob>} */
export const getBlob = async (path) => (await request('GET', path)).blob();

/**
 * @template T
 * @param {'POST'|'PUT'|'DELETE'} method @param {string} path @param {unknown} [body]
 * @returns {Promise<T>}
 */
export async function send(method, path, body) {
  return sendText(method, path, body === undefined ? undefined : JSON.stringify(body));
}

/**
 * Sends a text as it is.
 * @template T
 * @param {'POST'|'PUT'|'DELETE'} method @param {string} path @param {string} [body] @param {string} [type] of the body
 * @param {Record<string, string|undefined>} [query]
 * @returns {Promise<T>}
 */
export async function sendText(method, path, body, type, query = {}) {
  const text = await (await request(method, path + asked(query), body, type)).text();
  return JSON.parse(text || 'null');
}

/** A part of a path. Topics keep their slashes. @param {string} text @returns {string} */
export const part = (text) => text.split('/').map(encodeURIComponent).join('/');

/**
 * All pages of a list, at most `most` items.
 * @template T
 * @param {string} path @param {string} list the key of the items @param {Record<string, string|number>} query
 * @param {{cursor?: string, most?: number, onPage?: (items: T[]) => void}} [options] `cursor`: the parameter for `next`
 * @returns {Promise<{items: T[], more: boolean}>}
 */
export async function getAll(path, list, query, { cursor = 'after', most = 100_000, onPage } = {}) {
  /** @type {T[]} */
  const items = [];
  let next = null;
  do {
    /** @type {Record<string, any>} */
    const page = await get(path, { ...query, [cursor]: next });
    items.push(...page[list]);
    onPage?.(items);
    next = page.next;
  } while (next && items.length < most);
  return { items, more: Boolean(next) };
}
