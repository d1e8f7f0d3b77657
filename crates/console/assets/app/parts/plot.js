// A plot of numbers over time, and a small one without axes.
import uPlot from 'uplot';
import { significant, tickTime } from '../data/text.js';
import { classes, html, useEffect, useRef } from './html.js';

/** @param {string} name of a colour token @returns {string} */
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {number[]} at seconds since 1970, growing
 * @property {(number|null)[]} values
 */

/** @param {Line[]} lines @returns {any} */
const joined = (lines) => (lines.length === 0
  ? [[]]
  : uPlot.join(/** @type {any} */ (lines.map((line) => [line.at, line.values]))));

const STROKES = ['--plot-1', '--plot-2', '--plot-3', '--plot-4'];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/**
 * The value of a line at a point, or the one before: lines have their values at times of their own.
 * @param {(number|null|undefined)[]} line @param {number} index @returns {number|null}
 */
const lastOf = (line, index) => line.slice(0, index + 1).findLast((value) => value !== null && value !== undefined) ?? null;

/** @typedef {{at: number, values: (number|null)[]}} Point under the pointer: seconds since 1970, a value of each line */

/**
 * @param {Line[]} lines @param {number} width @param {number} height
 * @param {() => {from: number, to: number}} span seconds since 1970 @param {(point: Point|null) => void} onPoint
 * @returns {any}
 */
function options(lines, width, height, span, onPoint) {
  const axis = { stroke: token('--muted'), grid: { stroke: token('--line'), width: 1 }, ticks: { stroke: token('--line'), width: 1 } };
  const font = `${getComputedStyle(document.documentElement).fontSize} ${getComputedStyle(document.body).fontFamily}`;
  return {
    width, height, cursor: { points: { size: 6 }, drag: { x: false, y: false } }, legend: { show: false },
    scales: { x: { range: () => { const { from, to } = span(); return [from, to]; } } },
    axes: [
      { ...axis, font, space: 90, values: (/** @type {any} */ _, /** @type {number[]} */ at, /** @type {number} */ __, /** @type {number} */ ___, /** @type {number} */ step) => at.map((seconds) => tickTime(seconds * 1000, step)) },
      { ...axis, font, size: 70, values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map(significant) },
    ],
    hooks: { setCursor: [(/** @type {any} */ plot) => {
      const index = plot.cursor.idx;
      onPoint(typeof index === 'number' && plot.cursor.left >= 0 ? { at: plot.data[0][index], values: plot.data.slice(1).map((/** @type {any} */ line) => lastOf(line, index)) } : null);
    }] },
    series: [{}, ...lines.map((line, at) => ({
      label: line.label, stroke: token(STROKES[at % 4] ?? '--plot-1'), width: 1.5, dash: DASHES[at % 4], spanGaps: false,
      points: { show: line.at.length < 60, size: 4 },
    }))],
  };
}

/** @param {{lines: Line[], label: string, span: () => {from: number, to: number}, onPoint: (point: Point|null) => void}} props @returns {any} */
export function Plot({ lines, label, span, onPoint }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const wanted = useRef({ span, onPoint });
  wanted.current = { span, onPoint };
  const shape = lines.map((line) => line.label).join('\n');
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const make = () => {
      plot.current?.destroy();
      const width = Math.max(200, element.clientWidth);
      plot.current = new uPlot(options(lines, width, Math.max(180, Math.round(Math.min(width * 0.35, innerHeight * 0.4))),
        () => wanted.current.span(), (point) => wanted.current.onPoint(point)), joined(lines), element);
    };
    make();
    const size = new ResizeObserver(() => { if (plot.current?.width !== element.clientWidth) make(); });
    size.observe(element);
    const theme = new MutationObserver(make);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => { size.disconnect(); theme.disconnect(); plot.current?.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => { plot.current?.setData(joined(lines)); });
  return html`<div class="plot" role="img" aria-label=${label} ref=${box}></div>`;
}

/** @param {{values: (number|null)[], label: string, stale?: boolean}} props @returns {any} */
export function Spark({ values, label, stale }) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(1e-9, ...known);
  let path = '';
  values.forEach((value, at) => {
    if (value === null) return;
    const [x, y] = [(at / Math.max(1, values.length - 1)) * 100, 22 - (value / top) * 20];
    path += `${path && values[at - 1] !== null ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return html`<svg class=${classes('spark', stale && 'stale')} viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=${label}><path d=${path} /></svg>`;
}
