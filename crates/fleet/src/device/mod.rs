//! A simulated device: its memory, and what it answers a station.
//!
//! No socket and no clock: frames and the time come in, bytes go out. It forgets nothing but what a
//! station tells it to delete, through any number of connections.

mod commands;
mod log;
mod pictures;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;

use spica_model::Timestamp;

use crate::event::{Detail, Event};
use crate::ledger::{DeviceBooks, Entry, Shot};
use crate::picture::{self, Picture};
use crate::wire::{self, Frame, kind};

use request::Request;
pub use request::Violation;

/// Bytes of picture in a block.
pub const BLOCK_BYTES: usize = 1_000;

/// What a device does after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Sends what was appended and waits for the next frame.
    Answered,
    /// The station is done with it.
    Goodbye,
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
}

impl Device {
    /// A device with an empty memory. `first` is the number of its first log entry and of its first
    /// picture; `seed` decides what its pictures by command look like.
    #[must_use]
    pub fn new(serial: &str, version: &str, first: u32, seed: u64) -> Self {
        Self {
            version: version.to_owned(),
            books: DeviceBooks {
                serial: serial.to_owned(),
                first,
                ..DeviceBooks::default()
            },
            log_start: 0,
            pictures: VecDeque::new(),
            seed,
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
        let index = self
            .books
            .entries
            .last()
            .map_or(self.books.first, |last| last.index + 1);
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
        let number = self
            .books
            .pictures
            .last()
            .map_or(self.books.first, |last| last.number + 1);
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
        match Request::read(frame)? {
            Request::Identify => self.identify(out),
            Request::ReadLog { from } => self.read_log(from, now, out),
            Request::DeleteLog { upto } => self.delete_log(upto, out)?,
            Request::NextPicture => self.picture_header(out),
            Request::PictureBlock { number, block } => self.picture_block(number, block, out),
            Request::DeletePicture { number } => self.delete_picture(number, out),
            Request::Command {
                id,
                code,
                arguments,
            } => self.command(id, code, arguments, now, out),
            Request::Goodbye => {
                // It would have sent again what it knows no answer to.
                self.books
                    .orders
                    .iter_mut()
                    .for_each(|order| order.told = true);
                return Ok(Step::Goodbye);
            }
        }
        Ok(Step::Answered)
    }
}

/// Where a device's numbers begin whose memory is new at `now`: the clock in milliseconds, so that
/// fleets that follow each other with the same serials never use a number again.
pub(crate) fn fresh_numbers(now: Timestamp) -> u32 {
    // Half the range, so that counting on from here never ends: it comes round after 24 days.
    (now.as_micros() / 1_000).rem_euclid(1 << 31) as u32 + 1
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
