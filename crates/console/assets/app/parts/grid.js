// A table that may have thousands of rows: only those that are seen are drawn. One stop for the tab
// key; arrows, page keys, home and end move within, Enter opens.
import { moved, seen } from '../core/window.js';
import { classes, html, useEffect, useRef, useState } from './html.js';
import { Icon } from './icon.js';

/**
 * @template T
 * @typedef {object} Column
 * @property {string} key its cells have the class `c-key`
 * @property {string} title
 * @property {(row: T) => any} cell
 * @property {boolean} [sorts] whether its head is a button that sorts
 * @property {boolean} [end] whether it is aligned at the end, as numbers are
 */

/** Height of a row in em of the page's text: what `grid.css` says. */
const ROW = { wide: 2.5, narrow: 3.75 };
const NARROW = matchMedia('(max-width: 700px)');

/** @returns {number} pixels */
function rowHeight() {
  const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.round(em * (NARROW.matches ? ROW.narrow : ROW.wide));
}

/** The part of a box that is seen. @param {{current: HTMLElement|null}} box */
function useScroll(box) {
  const [view, setView] = useState({ top: 0, height: 600, row: rowHeight() });
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const look = () => setView((now) => {
      const next = { top: element.scrollTop, height: element.clientHeight, row: rowHeight() };
      return next.top === now.top && next.height === now.height && next.row === now.row ? now : next;
    });
    look();
    const size = new ResizeObserver(look);
    size.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => { size.disconnect(); element.removeEventListener('scroll', look); };
  }, []);
  return view;
}

/**
 * @param {{columns: Column<any>[], sort?: {key: string, direction: 'asc'|'desc'}, onSort?: (key: string) => void}} props
 * @returns {any}
 */
const Head = ({ columns, sort, onSort }) => html`
  <div class="grid-head" role="row" aria-rowindex="1">
    ${columns.map((column) => {
      const sorted = sort?.key === column.key ? sort.direction : null;
      return html`<div key=${column.key} role="columnheader" class=${classes('cell', `c-${column.key}`, column.end && 'end')}
        aria-sort=${sorted ? (sorted === 'asc' ? 'ascending' : 'descending') : undefined}>
        ${column.sorts && onSort
          ? html`<button type="button" class=${classes('sort', sorted)} onClick=${() => onSort(column.key)}>${column.title}<${Icon} name="down" /></button>`
          : column.title}
      </div>`;
    })}
  </div>`;

/**
 * @param {{
 *   name: string, label: string, columns: Column<any>[], rows: any[], rowKey: (row: any) => string,
 *   rowClass?: (row: any) => string, onOpen?: (row: any) => void, selected?: string|null, tree?: boolean,
 *   rowProps?: (row: any) => Record<string, unknown>, onKey?: (event: KeyboardEvent, row: any, at: number, go: (to: number) => void) => void,
 *   sort?: {key: string, direction: 'asc'|'desc'}, onSort?: (key: string) => void,
 * }} props
 * @returns {any}
 */
export function Grid({ name, label, columns, rows, rowKey, rowClass, onOpen, selected, tree, rowProps, onKey, sort, onSort }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const view = useScroll(box);
  const [focus, setFocus] = useState({ key: '', index: 0 });
  /** Whether the focus is to go to its row once that is drawn. */
  const wanted = useRef(false);
  /** What within had the focus last: a row that goes away takes the focus with it. */
  const last = useRef(/** @type {Element|null} */ (null));
  // Rows come and go and change places while somebody is on one: the focus stays with its row.
  const known = rows.findIndex((row) => rowKey(row) === focus.key);
  const at = known >= 0 ? known : Math.min(focus.index, Math.max(0, rows.length - 1));
  const { from, to } = seen({ ...view, count: rows.length });

  useEffect(() => {
    if (last.current && !last.current.isConnected) {
      last.current = null;
      if (document.activeElement === document.body) wanted.current = true;
    }
    if (!wanted.current) return;
    const row = box.current?.querySelector(`.grid-row[aria-rowindex="${at + 2}"]`);
    if (row instanceof HTMLElement) { row.focus({ preventScroll: true }); wanted.current = false; }
  });

  /** @param {number} next */
  const go = (next) => {
    const element = box.current;
    if (!element) return;
    const top = next * view.row;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 2 * view.row > element.scrollTop + view.height) element.scrollTop = top + 2 * view.row - view.height;
    // At once if it is drawn: the next key may come before the next drawing.
    const row = element.querySelector(`.grid-row[aria-rowindex="${next + 2}"]`);
    if (row instanceof HTMLElement) row.focus({ preventScroll: true });
    else wanted.current = true;
    setFocus({ key: rowKey(rows[next]), index: next });
  };
  /** @param {KeyboardEvent} event @param {number} index */
  const key = (event, index) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = moved(event.key, index, rows.length, Math.max(1, Math.floor(view.height / view.row) - 2));
    if (next !== null) { event.preventDefault(); go(next); }
    else if (event.key === 'Enter' && onOpen) { event.preventDefault(); onOpen(rows[index]); }
    else onKey?.(event, rows[index], index, go);
  };
  const drawn = Array.from({ length: to - from }, (_, offset) => from + offset);
  // The row for the tab key is always there, wherever one scrolls: the focus is never lost.
  if (rows.length > 0 && (at < from || at >= to)) drawn.push(at);
  return html`
    <div class=${`grid ${name}`} role=${tree ? 'treegrid' : 'grid'} aria-label=${label} aria-rowcount=${rows.length + 1} ref=${box}
      onFocusIn=${(/** @type {FocusEvent} */ event) => { last.current = /** @type {Element} */ (event.target); }}>
      <${Head} columns=${columns} sort=${sort} onSort=${onSort} />
      <div class="grid-body" role="rowgroup" style=${{ height: `${rows.length * view.row}px` }}>
        ${drawn.map((index) => {
          const row = rows[index];
          const id = rowKey(row);
          return html`<div key=${id} role="row" aria-rowindex=${index + 2} tabindex=${index === at ? 0 : -1}
            aria-selected=${selected === undefined ? undefined : selected === id} ...${rowProps?.(row) ?? {}}
            class=${classes('grid-row', rowClass?.(row), selected === id && 'selected')}
            style=${{ transform: `translateY(${index * view.row}px)`, height: `${view.row}px` }}
            onClick=${() => { setFocus({ key: id, index }); onOpen?.(row); }} onFocus=${() => setFocus({ key: id, index })}
            onKeyDown=${(/** @type {KeyboardEvent} */ event) => key(event, index)}>
            ${columns.map((column) => html`<div key=${column.key} role="gridcell" class=${classes('cell', `c-${column.key}`, column.end && 'end')}>${column.cell(row)}</div>`)}
          </div>`;
        })}
      </div>
    </div>`;
}
