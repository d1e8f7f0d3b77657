// What a device said with an event: battery, signal, place, cell, text.
import { number, t, withUnit } from '../data/text.js';
import { html } from './html.js';
import { Fact } from './signs.js';

/** @param {{latitude: number, longitude: number}} place @returns {string} */
const degrees = (place) => `${number(place.latitude, 5)}, ${number(place.longitude, 5)}`;

/** @param {{detail: Api.Detail|null|undefined}} props @returns {any} */
export function DetailFacts({ detail }) {
  if (!detail || typeof detail !== 'object') return null;
  const { battery_percent: battery, signal_dbm: signal, location, cell, text, minutes } = detail;
  return html`
    ${battery !== undefined && html`<${Fact} label=${t('detail.battery')}>${withUnit(battery, 'percent')}</${Fact}>`}
    ${signal !== undefined && html`<${Fact} label=${t('detail.signal')}>${t('detail.dbm', { value: signal })}</${Fact}>`}
    ${location && html`<${Fact} label=${t('detail.location')}>${degrees(location)}</${Fact}>`}
    ${cell && html`<${Fact} label=${t('detail.cell')}>${`${cell.mcc}/${cell.mnc}/${cell.lac}/${cell.cell}`}</${Fact}>`}
    ${minutes !== undefined && html`<${Fact} label=${t('detail.minutes')}>${withUnit(minutes, 'minute')}</${Fact}>`}
    ${text && html`<${Fact} label=${t('detail.text')}>${text}</${Fact}>`}`;
}

/** The same in one line. @param {Api.Detail|null|undefined} detail @returns {string} */
export function detailLine(detail) {
  if (!detail || typeof detail !== 'object') return '';
  const said = [];
  if (detail.text) said.push(detail.text);
  if (detail.minutes !== undefined) said.push(withUnit(detail.minutes, 'minute'));
  if (detail.battery_percent !== undefined) said.push(`${t('detail.battery')} ${withUnit(detail.battery_percent, 'percent')}`);
  if (detail.signal_dbm !== undefined) said.push(t('detail.dbm', { value: detail.signal_dbm }));
  if (detail.location) said.push(degrees(detail.location));
  return said.join(' · ');
}
