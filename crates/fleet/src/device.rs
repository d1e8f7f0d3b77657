//! A simulated device: its memory, and what it answers a station.
//!
//! No socket and no clock: frames and the time come in, bytes go out. It forgets nothing but what a
//! station tells it to delete, through any number of connections.

use std::collections::VecDeque;
use std::sync::Arc;

use spica_model::Timestamp;

use crate::event::{Detail, Event};
use crate::ledger::{DeviceBooks, Entry, Order, Shot};
use crate::picture::{self, Picture};
use crate::wire::{self, FROM_DEVICE_MAX, Fields, Frame, WireError, kind};

/// Bytes of picture in a block.
pub const BLOCK_BYTES: usize = 1_000;
/// Fixed bytes of a log page, and of an entry in it.
const PAGE_HEAD: usize = 3;
const ENTRY_HEAD: usize = 10;

/// What a device does after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Sends what was appended and waits for the next frame.
    Answered,
    /// The station is done with it.
    Goodbye,
}

/// What a station must not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It broke the framing.
    #[error("the station broke the framing: {0}")]
    Wire(#[from] WireError),
    /// It sent a frame that no device knows.
    #[error("the station sent the unknown frame type {0:02x}")]
    Type(u8),
    /// The data of a frame is too short or too long.
    #[error("the station sent frame {kind:02x} with {len} data bytes")]
    Length {
        /// The frame's type.
        kind: u8,
        /// Its data bytes.
        len: usize,
    },
    /// It had entries deleted that it was never given.
    #[error(
        "the station deleted the log up to {deleted}, but was only given entries up to {sent:?}"
    )]
    DeletedUnsent {
        /// What it deleted.
        deleted: u32,
        /// What it was given.
        sent: Option<u32>,
    },
}

/// A simulated device.
#[derive(Debug, Clone)]
pub struct Device {
    version: String,
    books: DeviceBooks,
    /// The log is what the books hold from here on.
    log_start: usize,
    pictures: VecDeque<Picture>,
    /// Pictures to be taken by command have their bytes from here.
    seed: u64,
    check_in_minutes: u16,
}

impl Device {
    /// A device with an empty memory. `seed` decides what its pictures by command look like.
    #[must_use]
    pub fn new(serial: &str, version: &str, seed: u64) -> Self {
        Self {
            version: version.to_owned(),
            books: DeviceBooks {
                serial: serial.to_owned(),
                ..DeviceBooks::default()
            },
            log_start: 0,
            pictures: VecDeque::new(),
            seed,
            check_in_minutes: 30,
        }
    }

    /// The device's books so far.
    #[must_use]
    pub const fn books(&self) -> &DeviceBooks {
        &self.books
    }

    /// Ends the device's life.
    #[must_use]
    pub fn into_books(self) -> DeviceBooks {
        self.books
    }

    /// The check-in interval the station last set, or the default of 30 minutes.
    #[must_use]
    pub const fn check_in_minutes(&self) -> u16 {
        self.check_in_minutes
    }

    /// Entries of the log and pictures that no station has had it delete.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.books.entries.len() - self.log_start + self.pictures.len()
    }

    /// How many log entries and how many pictures a station has had it delete.
    #[must_use]
    pub fn told(&self) -> (usize, usize) {
        (
            self.log_start,
            self.books.pictures.len() - self.pictures.len(),
        )
    }

    /// Notes an event in the log.
    pub fn record(&mut self, event: Event, detail: Arc<Detail>, now: Timestamp) {
        let index = self.books.entries.last().map_or(1, |last| last.index + 1);
        let entry = Entry {
            index,
            time: unix_secs(now),
            event,
            detail,
            first_sent: None,
            told: false,
        };
        self.books.entries.push(entry);
    }

    /// Takes a picture of `size` bytes (see [`picture::jpeg`]).
    pub fn take_picture(&mut self, seed: u64, size: u32, now: Timestamp) {
        let number = self.books.pictures.last().map_or(1, |last| last.number + 1);
        let picture = Picture {
            number,
            time: unix_secs(now),
            bytes: picture::jpeg(seed, size),
        };
        self.books.pictures.push(Shot::from(&picture));
        self.pictures.push_back(picture);
    }

    /// Appends the identity frame, the first of every connection, to `out`.
    pub fn identify(&self, out: &mut Vec<u8>) {
        wire::encode(
            kind::IDENTITY,
            &identity(&self.books.serial, &self.version),
            out,
        );
    }

    /// Appends a page with the newest entry alone, as a device with an alarm in hand sends it
    /// unasked. It says that the rest of the log remains.
    pub fn send_newest(&mut self, now: Timestamp, out: &mut Vec<u8>) {
        let newest = self.books.entries.len().saturating_sub(1);
        if newest >= self.log_start && !self.books.entries.is_empty() {
            let rest = newest - self.log_start;
            self.send_page(newest, newest + 1, rest, now, out);
        }
    }

    /// Answers a frame of the station into `out`.
    ///
    /// # Errors
    /// If the station breaks the profile; the connection is of no use then.
    pub fn answer(
        &mut self,
        frame: Frame<'_>,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Step, Violation> {
        let wrong = Violation::Length {
            kind: frame.kind,
            len: frame.data.len(),
        };
        let mut fields = Fields(frame.data);
        match frame.kind {
            kind::IDENTIFY => self.identify(out),
            kind::READ_LOG => self.read_log(fields.u32().ok_or(wrong)?, now, out),
            kind::DELETE_LOG => {
                // Without an argument the whole log goes.
                let upto = if frame.data.is_empty() {
                    u32::MAX
                } else {
                    fields.u32().ok_or(wrong)?
                };
                self.delete_log(upto, out)?;
            }
            kind::NEXT_PICTURE => self.picture_header(out),
            kind::PICTURE_BLOCK => {
                let (number, block) = fields.u32().zip(fields.u16()).ok_or(wrong)?;
                self.picture_block(number, block, out);
            }
            kind::DELETE_PICTURE => self.delete_picture(fields.u32().ok_or(wrong)?, out),
            kind::COMMAND => {
                let (id, code) = fields.u16().zip(fields.u8()).ok_or(wrong)?;
                self.command(id, code, fields.rest(), now, out);
            }
            kind::GOODBYE => {
                // It would have sent again what it knows no answer to.
                self.books
                    .orders
                    .iter_mut()
                    .for_each(|order| order.told = true);
                return Ok(Step::Goodbye);
            }
            other => return Err(Violation::Type(other)),
        }
        Ok(Step::Answered)
    }

    fn read_log(&mut self, from: u32, now: Timestamp, out: &mut Vec<u8>) {
        let log = &self.books.entries[self.log_start..];
        let first = self.log_start + log.partition_point(|entry| entry.index < from);
        let mut bytes = PAGE_HEAD;
        let fits = self.books.entries[first..]
            .iter()
            .take(usize::from(u8::MAX))
            .take_while(|entry| {
                bytes += ENTRY_HEAD + entry.detail.encode().len();
                bytes <= FROM_DEVICE_MAX
            });
        let end = first + fits.count();
        self.send_page(first, end, self.books.entries.len() - end, now, out);
    }

    fn send_page(
        &mut self,
        first: usize,
        end: usize,
        remaining: usize,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) {
        let remaining = u16::try_from(remaining).unwrap_or(u16::MAX);
        let mut data = Vec::with_capacity(FROM_DEVICE_MAX);
        data.extend_from_slice(&remaining.to_le_bytes());
        data.push((end - first) as u8);
        for entry in &mut self.books.entries[first..end] {
            entry.first_sent.get_or_insert(now);
            push_entry(&mut data, entry);
        }
        wire::encode(kind::LOG_PAGE, &data, out);
    }

    fn delete_log(&mut self, upto: u32, out: &mut Vec<u8>) -> Result<(), Violation> {
        let log = &mut self.books.entries[self.log_start..];
        let count = log.partition_point(|entry| entry.index <= upto);
        let mut unsent = None;
        for entry in &mut log[..count] {
            entry.told = true;
            if entry.first_sent.is_none() {
                unsent.get_or_insert(entry.index - 1);
            }
        }
        self.log_start += count;
        let deleted = u16::try_from(count).unwrap_or(u16::MAX);
        wire::encode(kind::DELETED, &deleted.to_le_bytes(), out);
        match unsent {
            Some(sent) => Err(Violation::DeletedUnsent {
                deleted: upto,
                sent: (sent > 0).then_some(sent),
            }),
            None => Ok(()),
        }
    }

    fn picture_header(&self, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(18);
        let Some(picture) = self.pictures.front() else {
            return wire::encode(kind::PICTURE_HEADER, &[0; 18], out);
        };
        let size = u32::try_from(picture.bytes.len()).unwrap_or(u32::MAX);
        data.extend_from_slice(&picture.number.to_le_bytes());
        data.extend_from_slice(&size.to_le_bytes());
        data.extend_from_slice(&(BLOCK_BYTES as u16).to_le_bytes());
        data.extend_from_slice(&picture.time.to_le_bytes());
        data.extend_from_slice(&picture.crc32().to_le_bytes());
        wire::encode(kind::PICTURE_HEADER, &data, out);
    }

    fn picture_block(&self, number: u32, block: u16, out: &mut Vec<u8>) {
        let picture = self
            .pictures
            .iter()
            .find(|picture| picture.number == number);
        let bytes = picture.and_then(|p| p.bytes.chunks(BLOCK_BYTES).nth(usize::from(block)));
        let Some(bytes) = bytes else {
            return picture_error(number, out);
        };
        let data = [&number.to_le_bytes()[..], &block.to_le_bytes(), bytes].concat();
        wire::encode(kind::BLOCK, &data, out);
    }

    fn delete_picture(&mut self, number: u32, out: &mut Vec<u8>) {
        // A repeated delete is confirmed again: the first confirmation may have been lost.
        let Some(shot) = self
            .books
            .pictures
            .iter_mut()
            .find(|shot| shot.number == number)
        else {
            return picture_error(number, out);
        };
        shot.told = true;
        self.pictures.retain(|picture| picture.number != number);
        wire::encode(kind::PICTURE_DELETED, &number.to_le_bytes(), out);
    }

    /// Carries a command out unless it was carried out before: then only the answer is repeated.
    fn command(&mut self, id: u16, code: u8, arguments: &[u8], now: Timestamp, out: &mut Vec<u8>) {
        let same =
            |order: &Order| order.id == id && order.code == code && order.arguments == arguments;
        let at = self.books.orders.iter().rposition(same).unwrap_or_else(|| {
            let result = self.carry_out(code, arguments, now);
            let arguments = arguments.to_vec();
            let order = Order {
                id,
                code,
                arguments,
                result,
                deliveries: 0,
                told: false,
            };
            self.books.orders.push(order);
            self.books.orders.len() - 1
        });
        let order = &mut self.books.orders[at];
        order.deliveries += 1;
        let [low, high] = id.to_le_bytes();
        wire::encode(kind::RESULT, &[low, high, order.result], out);
    }

    fn carry_out(&mut self, code: u8, arguments: &[u8], now: Timestamp) -> u8 {
        const DONE: u8 = 0;
        const UNKNOWN: u8 = 1;
        const BAD_ARGUMENTS: u8 = 2;
        let mut fields = Fields(arguments);
        match code {
            1 => match fields.u16() {
                Some(minutes) if minutes > 0 => self.check_in_minutes = minutes,
                _ => return BAD_ARGUMENTS,
            },
            2 => {
                let seed = self.seed ^ u64::from(unix_secs(now));
                self.take_picture(seed, 4_000, now);
            }
            3 if std::str::from_utf8(arguments).is_err() => return BAD_ARGUMENTS,
            4 => self.record(Event::STATUS_CHECK, Arc::new(Detail::default()), now),
            3 | 5 | 6 => {}
            _ => return UNKNOWN,
        }
        DONE
    }
}

pub(crate) fn unix_secs(time: Timestamp) -> u32 {
    u32::try_from(time.as_micros().div_euclid(1_000_000)).unwrap_or(0)
}

/// The 18 bytes of an identity: serial and version, NUL padded, cut off where they do not fit.
pub(crate) fn identity(serial: &str, version: &str) -> [u8; 18] {
    let mut data = [0; 18];
    let (name, software) = data.split_at_mut(10);
    name.iter_mut()
        .zip(serial.bytes())
        .for_each(|(to, byte)| *to = byte);
    software
        .iter_mut()
        .zip(version.bytes())
        .for_each(|(to, byte)| *to = byte);
    data
}

pub(crate) fn push_entry(data: &mut Vec<u8>, entry: &Entry) {
    let detail = entry.detail.encode();
    data.extend_from_slice(&entry.index.to_le_bytes());
    data.extend_from_slice(&entry.time.to_le_bytes());
    data.extend_from_slice(&[entry.event.0, detail.len() as u8]);
    data.extend_from_slice(&detail);
}

fn picture_error(number: u32, out: &mut Vec<u8>) {
    let [a, b, c, d] = number.to_le_bytes();
    wire::encode(kind::PICTURE_ERROR, &[a, b, c, d, 1], out);
}
