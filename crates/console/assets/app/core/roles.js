// What a role may do. The node decides; this only keeps what it would refuse from being offered.

/** @typedef {'reader'|'operator'|'admin'|null} Role null: not known yet */

const ORDER = ['reader', 'operator', 'admin'];

/** @param {Role} role @param {'reader'|'operator'|'admin'} needed @returns {boolean} */
export const may = (role, needed) => role !== null && ORDER.indexOf(role) >= ORDER.indexOf(needed);
