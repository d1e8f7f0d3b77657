// Stations: what the node counts about those who dial in.

/** @type {readonly {key: string, metric: string, kind: 'gauge'|'counter'}[]} */
export const FACTS = [
  { key: 'open', metric: 'spica_identicom_connections_open', kind: 'gauge' },
  { key: 'connections', metric: 'spica_identicom_connections_total', kind: 'counter' },
  { key: 'dialogues', metric: 'spica_identicom_dialogues_total', kind: 'counter' },
  { key: 'entries', metric: 'spica_identicom_entries_total', kind: 'counter' },
  { key: 'duplicates', metric: 'spica_identicom_entries_duplicate_total', kind: 'counter' },
  { key: 'unknown', metric: 'spica_identicom_entries_unknown_total', kind: 'counter' },
  { key: 'pictures', metric: 'spica_identicom_pictures_total', kind: 'counter' },
  { key: 'sent', metric: 'spica_identicom_commands_sent_total', kind: 'counter' },
  { key: 'answered', metric: 'spica_identicom_commands_answered_total', kind: 'counter' },
  { key: 'full', metric: 'spica_identicom_journal_full_total', kind: 'counter' },
  { key: 'offences', metric: 'spica_admission_offences_total', kind: 'counter' },
  { key: 'sources', metric: 'spica_admission_sources', kind: 'gauge' },
];

/** Counters whose growth is a trouble. */
export const TROUBLES = ['unknown', 'full', 'offences'];

/** Messages that a session was not given. @param {Api.MqttSession} of @returns {number} */
export const dropped = ({ dropped: by }) => by.queue_full + by.too_large + by.expired;

/** How long a ban may be offered to be. */
export const TIMES = ['10min', '1h', '1d', '7d', '30d'];
