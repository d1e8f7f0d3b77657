// Signs. Each severity has its own shape, so that colour is never all that tells them apart.
import { html } from './html.js';

/** @type {Record<string, string>} outlines in a box of 16 by 16 */
const OUTLINES = {
  overview: 'M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z',
  cases: 'M8 1.5 15 14H1zM8 6v4M8 11.5v1',
  devices: 'M4.5 1.5h7v13h-7zM7 12.5h2',
  topics: 'M3 2v11h4M3 5h4M3 9h4M9 3h5v4H9zM9 8.500h5v5H9z',
  stations: 'M8 9v5M5 14.500h6M5 7.500a3.500 3.500 0 1 1 6 0M3 9.500a6 6 0 1 1 10 0M8 6v.1',
  handlers: 'M2 4h8M2 8h12M2 12h8M12 2l2 2-2 2M12 10l2 2-2 2',
  audit: 'M3 1.500h7l3 3v10H3zM10 1.500v3h3M5.500 8h5M5.500 11h5',
  users: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 14.500c0-3 2.500-4.500 6-4.500s6 1.500 6 4.500',
  menu: 'M2 4h12M2 8h12M2 12h12',
  close: 'M3.500 3.500l9 9M12.500 3.500l-9 9',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.600 10.600 14.500 14.500',
  sound: 'M2 6v4h3l4 3.500v-11L5 6zM11.500 5.500a4 4 0 0 1 0 5',
  mute: 'M2 6v4h3l4 3.500v-11L5 6zM11.500 6l3 4M14.500 6l-3 4',
  wall: 'M1.500 2.500h13v9h-13zM5.500 14h5',
  right: 'M6 3l5 5-5 5',
  down: 'M3 6l5 5 5-5',
  back: 'M10 3 5 8l5 5',
  plot: 'M2 2v12h12M4.500 10.500l3-4 2.500 2 3.500-5',
  help: 'M8 14.500A6.500 6.500 0 1 0 8 1.500a6.500 6.500 0 0 0 0 13zM6 6.200a2 2 0 1 1 2.900 1.800c-.7.400-.9.700-.9 1.500M8 11.300v.4',
  theme: 'M8 14.500A6.500 6.500 0 1 0 8 1.500zM8 14.500A6.500 6.500 0 0 1 8 1.500',
  ok: 'M3 8.500l3.500 3.500L13 4.500',
  quiet: 'M2.500 8h11',
};

/** @param {{name: string}} props @returns {any} */
export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${OUTLINES[name] ?? ''} /></svg>`;

/** @type {Record<string, string>} filled: a square, a triangle, a diamond, a disc */
const SHAPES = {
  emergency: 'M1.500 1.500h13v13h-13z',
  high: 'M8 1 15.500 14.500H.500z',
  medium: 'M8 .500 15.500 8 8 15.500.500 8z',
  low: 'M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13z',
};
const MARKS = ['emergency', 'high', 'medium', 'low'];

/** The shape of a severity, with its number: 1 is the worst. @param {{of: string}} props @returns {any} */
export const Shape = ({ of }) => html`
  <svg class=${`shape ${of}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d=${SHAPES[of] ?? SHAPES.low} />
    <text x="8" y=${of === 'high' ? 13 : 11.7} text-anchor="middle">${MARKS.indexOf(of) + 1}</text>
  </svg>`;
