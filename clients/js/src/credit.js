// Flow control: the server may send so many bytes of `data` frames, and gets as many again when the
// application has taken what was in them.

export class Credit {
  /**
   * @param {number} window bytes; 0: no flow control
   * @param {(bytes: number) => void} give
   */
  constructor(window, give) {
    this.window = window;
    this.give = give;
    this.taken = 0;
  }

  /**
   * A frame that has come.
   *
   * @param {number} bytes of it as it was encoded
   * @returns {Parcel} held once, by who asked for it
   */
  parcel(bytes) {
    return new Parcel(this, bytes);
  }

  /** @param {number} bytes */
  took(bytes) {
    if (this.window === 0) return;
    this.taken += bytes;
    // In halves of the window: seldom enough to cost nothing, soon enough that nobody waits.
    if (this.taken * 2 < this.window) return;
    const given = this.taken;
    this.taken = 0;
    this.give(given);
  }
}

/** The bytes of one frame, which count as taken when nobody holds a part of it any more. */
export class Parcel {
  /**
   * @param {Credit} credit
   * @param {number} bytes
   */
  constructor(credit, bytes) {
    this.credit = credit;
    this.bytes = bytes;
    this.holders = 1;
  }

  hold() {
    this.holders += 1;
  }

  release() {
    this.holders -= 1;
    if (this.holders === 0) this.credit.took(this.bytes);
  }
}
