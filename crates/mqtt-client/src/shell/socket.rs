//! Bytes in and out of a connection, and whether it lives.

use std::io;
use std::time::Duration;

use spica_mqtt_proto::{Decoded, Limits, Packet, Side, Version, decode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, sleep_until};

use super::dial::{Duplex, Taken, limits, unreachable};
use super::error::ConnectError;
use super::settings::Settings;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 16 << 10;

/// A connection to a server.
pub(super) struct Socket {
    pub(super) server: String,
    /// What is to be written.
    pub(super) out: Vec<u8>,
    reader: ReadHalf<Box<dyn Duplex>>,
    writer: WriteHalf<Box<dyn Duplex>>,
    version: Version,
    limits: Limits,
    input: Vec<u8>,
    /// Bytes of `input` that are read.
    taken: usize,
    /// None: it is never asked whether it lives.
    keep_alive: Option<Duration>,
    written: Instant,
    asked: Option<Instant>,
}

impl Socket {
    pub(super) fn new(server: String, settings: &Settings, taken: Taken) -> Self {
        let (reader, writer) = split(taken.stream);
        let secs = u64::from(taken.keep_alive_secs);
        Self {
            server,
            out: Vec::new(),
            reader,
            writer,
            version: settings.version,
            limits: limits(settings),
            input: taken.rest,
            taken: 0,
            keep_alive: (secs > 0).then(|| Duration::from_secs(secs)),
            written: Instant::now(),
            asked: None,
        }
    }

    /// Lets `handle` see the next packet that has come whole, and gives what it makes of it.
    pub(super) fn next<T>(
        &mut self,
        handle: impl FnOnce(&Packet<'_>, &mut Vec<u8>) -> T,
    ) -> Result<Option<T>, ConnectError> {
        let bytes = self.input.get(self.taken..).unwrap_or_default();
        let decoded = decode(bytes, Side::Client, self.version, &self.limits);
        let wrong = |what| ConnectError::Protocol {
            server: self.server.clone(),
            what,
        };
        match decoded.map_err(|error| wrong(error.what))? {
            Decoded::Incomplete { .. } => {
                self.input.drain(..self.taken);
                self.taken = 0;
                Ok(None)
            }
            Decoded::Packet { packet, length } => {
                self.taken += length;
                Ok(Some(handle(&packet, &mut self.out)))
            }
        }
    }

    /// Writes, reads if `reads`, or asks whether the server lives: whatever can be done first.
    pub(super) async fn moved(&mut self, reads: bool) -> Result<(), ConnectError> {
        let wake = self.wake();
        let moved = tokio::select! {
            written = self.writer.write(&self.out), if !self.out.is_empty() => {
                written.map(|count| {
                    self.out.drain(..count);
                    self.written = Instant::now();
                })
            }
            read = read_piece(&mut self.reader, &mut self.input), if reads => {
                self.asked = None;
                read
            }
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.ask(reads),
        };
        moved.map_err(|error| unreachable(&self.server, error))
    }

    /// When to look whether the server lives.
    fn wake(&self) -> Option<Instant> {
        let keep_alive = self.keep_alive?;
        Some(self.asked.unwrap_or(self.written) + keep_alive)
    }

    /// Nothing was written for long: the server is asked, and given up when it has not answered the
    /// last time. While nothing is read, its answer cannot be seen.
    fn ask(&mut self, reads: bool) -> io::Result<()> {
        if self.asked.is_some() && reads {
            let silent = "the server does not answer";
            return Err(io::Error::new(io::ErrorKind::TimedOut, silent));
        }
        self.asked = Some(Instant::now());
        if self.out.is_empty() {
            self.out.extend_from_slice(&[0xC0, 0]);
        }
        Ok(())
    }

    /// Writes all that is to be written.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.out).await?;
        self.out.clear();
        self.writer.shutdown().await
    }
}

async fn read_piece(reader: &mut ReadHalf<Box<dyn Duplex>>, input: &mut Vec<u8>) -> io::Result<()> {
    input.reserve(PIECE_BYTES);
    if reader.read_buf(input).await? == 0 {
        let closed = "the server has closed the connection";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, closed));
    }
    Ok(())
}
