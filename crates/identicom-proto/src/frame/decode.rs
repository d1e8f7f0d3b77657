//! Reading frames from a stream that arrives in pieces of any size.

use super::{BadFrame, Direction, ESCAPE, FLIP, Frame, MARK};

/// Where the reader stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two frames, in step.
    Between,
    /// Behind a starting mark.
    Started,
    /// In the data.
    Data,
    /// In the data, behind an escape.
    Escape,
    /// Out of step: looking for a mark.
    Lost,
    /// Out of step, behind a mark: a known type starts a frame.
    LostMark,
}

/// Reads the frames of one direction of one connection.
///
/// A frame that lies whole in the input is unescaped in place and borrowed from it: no copy without
/// escapes, no allocation at all. Only a frame that is split over reads is collected in a buffer of
/// the decoder's own, which never holds more data than one frame may have and is given back as soon
/// as the input ends between two frames: an idle connection owns no heap.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    direction: Direction,
    kind: u8,
    limit: u16,
    /// Bytes passed over since step was lost, up to the longest frame on the wire.
    skipped: u32,
    /// The data so far of a frame whose beginning came with an earlier input.
    partial: Vec<u8>,
}

/// Why [`unescape`] stopped.
enum Stop {
    /// At the closing mark.
    End,
    /// At the end of the input; `escaped` if an escape is its last byte.
    More { escaped: bool },
    /// At a byte that makes the frame bad.
    Bad(BadFrame),
}

impl Decoder {
    /// A reader at the start of a connection. A frame may have up to `limit` data bytes, before
    /// escaping.
    #[must_use]
    pub const fn new(direction: Direction, limit: u16) -> Self {
        Self {
            state: State::Between,
            direction,
            kind: 0,
            limit,
            skipped: 0,
            partial: Vec::new(),
        }
    }

    /// The next frame or bad frame of `input`, which is moved on behind it. `None` when the input is
    /// used up; what was begun in it goes on with the next one. The bytes of the input are changed
    /// where escapes are undone.
    pub fn next<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Option<Result<Frame<'s>, BadFrame>> {
        while !input.is_empty() {
            match self.state {
                State::Data | State::Escape => return self.data(input),
                State::Lost => {
                    if self.skip(input) {
                        return Some(Err(BadFrame::Noise));
                    }
                }
                State::Between | State::Started | State::LostMark => {
                    if let Some(bad) = self.control(first(input)) {
                        return Some(Err(bad));
                    }
                }
            }
        }
        if !self.is_inside_data() {
            self.partial = Vec::new();
        }
        None
    }

    /// What is wrong when the connection ends here: [`BadFrame::Torn`] if a frame was begun.
    #[must_use]
    pub const fn end(&self) -> Option<BadFrame> {
        match self.state {
            State::Between | State::Lost | State::LostMark => None,
            State::Started | State::Data | State::Escape => Some(BadFrame::Torn),
        }
    }

    /// Bytes of heap that are held for a frame whose end has not come yet.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.partial.capacity()
    }

    const fn is_inside_data(&self) -> bool {
        matches!(self.state, State::Data | State::Escape)
    }

    /// One byte outside of any data.
    fn control(&mut self, byte: u8) -> Option<BadFrame> {
        let (state, bad) = match (self.state, byte) {
            (State::Between, MARK) => (State::Started, None),
            (State::Between, _) => (State::Lost, Some(BadFrame::Noise)),
            // An idle fill; two frames never share a mark, so the next frame brings its own.
            (State::Started, MARK) => (State::Between, None),
            (State::LostMark, MARK) => (State::LostMark, None),
            (_, kind) if self.direction.knows(kind) => {
                self.kind = kind;
                self.partial.clear();
                (State::Data, None)
            }
            (State::Started, _) => (State::Lost, Some(BadFrame::UnknownType)),
            _ => (State::Lost, None),
        };
        if bad.is_some() {
            self.skipped = 0;
        }
        self.state = state;
        bad
    }

    /// Passes over bytes up to the next mark. True when as many were passed over as the longest
    /// frame has: a stream that never gets into step must run into the limit of bad frames.
    fn skip(&mut self, input: &mut &mut [u8]) -> bool {
        let longest = 3 + 2 * u32::from(self.limit);
        let room = (longest - self.skipped) as usize;
        let window = &input[..input.len().min(room)];
        let mark = window.iter().position(|b| *b == MARK);
        let used = mark.map_or(window.len(), |at| at + 1);
        advance(input, used);
        if mark.is_some() {
            self.state = State::LostMark;
        }
        self.skipped += used as u32;
        let noisy = self.skipped >= longest;
        if noisy {
            self.skipped = 0;
        }
        noisy
    }

    /// Takes data bytes up to the closing mark, the end of the input or a bad byte.
    fn data<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Option<Result<Frame<'s>, BadFrame>> {
        let room = usize::from(self.limit) - self.partial.len();
        let whole = std::mem::take(input);
        let (read, written, stop) = unescape(whole, self.state == State::Escape, room);
        let (piece, rest) = whole.split_at_mut(read);
        let piece: &'i [u8] = &piece[..written];
        *input = rest;
        match stop {
            Stop::End if self.partial.is_empty() => {
                self.state = State::Between;
                Some(Ok(self.frame(piece)))
            }
            Stop::End => {
                self.state = State::Between;
                self.partial.extend_from_slice(piece);
                Some(Ok(self.frame(&self.partial)))
            }
            Stop::Bad(bad) => {
                self.lose_step(bad);
                Some(Err(bad))
            }
            Stop::More { escaped } => {
                self.partial.extend_from_slice(piece);
                self.state = if escaped { State::Escape } else { State::Data };
                None
            }
        }
    }

    const fn frame<'a>(&self, data: &'a [u8]) -> Frame<'a> {
        Frame {
            kind: self.kind,
            data,
        }
    }

    fn lose_step(&mut self, bad: BadFrame) {
        self.skipped = 0;
        self.partial.clear();
        // The mark that cut an escape off may be the closing one or, if that was lost, the next
        // frame's first: the byte after it tells.
        self.state = if bad == BadFrame::CutEscape {
            State::LostMark
        } else {
            State::Lost
        };
    }
}

/// Moves `input` on by one byte and returns it.
fn first(input: &mut &mut [u8]) -> u8 {
    let byte = input[0];
    advance(input, 1);
    byte
}

fn advance(input: &mut &mut [u8], by: usize) {
    let whole = std::mem::take(input);
    *input = &mut whole[by..];
}

/// Undoes the escapes at the start of `bytes` in place, up to the end of the frame. `escaped` says
/// that an escape was the last byte before these; `room` is how many data bytes are still allowed.
/// Returns how many bytes were read, and how many data bytes now stand at the start of `bytes`.
fn unescape(bytes: &mut [u8], escaped: bool, room: usize) -> (usize, usize, Stop) {
    let (mut read, mut written, mut escaped) = (0, 0, escaped);
    loop {
        if !escaped {
            let run = plain_run(&bytes[read..]);
            if run > room - written {
                // Stops at the first byte too many, wherever the input was split.
                let read = read + (room - written) + 1;
                return (read, 0, Stop::Bad(BadFrame::TooLong));
            }
            if written != read {
                bytes.copy_within(read..read + run, written);
            }
            (read, written) = (read + run, written + run);
        }
        let Some(byte) = bytes.get(read).copied() else {
            return (read, written, Stop::More { escaped });
        };
        read += 1;
        match (escaped, byte) {
            (false, MARK) => return (read, written, Stop::End),
            // The only other byte that ends a run is the escape.
            (false, _) => escaped = true,
            (true, MARK) => return (read, 0, Stop::Bad(BadFrame::CutEscape)),
            (true, byte) if !matches!(byte ^ FLIP, MARK | ESCAPE) => {
                return (read, 0, Stop::Bad(BadFrame::BadEscape));
            }
            (true, _) if written == room => return (read, 0, Stop::Bad(BadFrame::TooLong)),
            (true, byte) => {
                bytes[written] = byte ^ FLIP;
                written += 1;
                escaped = false;
            }
        }
    }
}

/// How many bytes stand before the first control byte.
fn plain_run(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|b| matches!(*b, MARK | ESCAPE))
        .unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests;
