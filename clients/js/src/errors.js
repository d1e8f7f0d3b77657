// What can go wrong, as values that programs can tell apart.

/**
 * The server said what makes no sense; the connection ends.
 */
export class ProtocolError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'ProtocolError';
  }
}

/**
 * A delta does not fit what is held; the subscription begins anew.
 */
export class MismatchError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'MismatchError';
  }
}

/**
 * Something that was asked for is not done, or nobody knows whether it is.
 *
 * - `lost`: the connection ended, and it is not known what became of the call
 * - `timeout`: no answer in time; not known either
 * - `closed`: the client was closed, or the subscription was
 * - `refused`: the server did not do it; `refusal` says why
 * - `overflow`: the application did not take what its iterator had
 * - `limit`: too much was asked for at once
 */
export class LiveError extends Error {
  /**
   * @param {'lost' | 'timeout' | 'closed' | 'refused' | 'overflow' | 'limit'} code
   * @param {string} message
   * @param {string} [refusal] the code of the refusal
   */
  constructor(code, message, refusal) {
    super(message);
    this.name = 'LiveError';
    this.code = code;
    this.refusal = refusal;
  }
}
