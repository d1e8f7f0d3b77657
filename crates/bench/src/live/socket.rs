//! One session of the crowd, as little work as one can be: the generator shares two cores with what
//! it measures, so rows are counted by the heads of their frames, and ages taken from the first and
//! the last of them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use spica_live_proto::{
    ClientFrame, Encoding, Hello, Incoming, ServerFrame, Subscribe, decode_server, encode_client,
};
use spica_model::Place;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::meter::Meter;

/// How the head of a `data` frame begins in CBOR, up to the number of the subscription.
const DATA: &[u8] = b"\xa4\x61t\x64data\x63sub";
/// What stands before the time in a payload: microseconds since the crowd began, sixteen digits.
pub(super) const MARK: u8 = b'@';
/// Digits of that time.
pub(super) const DIGITS: usize = 16;
/// Longest answer to the upgrade.
const ANSWER_BYTES: usize = 4_096;

/// Whom the crowd listens to.
pub(super) enum Speaks {
    /// A node.
    Spica {
        token: String,
        subscribe: Box<Subscribe>,
    },
    /// A NATS server, for comparison.
    Nats,
}

/// What all sessions of a crowd share.
pub(super) struct Crowd {
    pub(super) address: SocketAddr,
    pub(super) speaks: Speaks,
    pub(super) meter: Meter,
    /// When its clock began.
    pub(super) began: Instant,
}

/// A session whose subscription has begun.
pub(super) struct Socket {
    stream: TcpStream,
    /// The bytes of a frame whose end has not come yet.
    part: Vec<u8>,
    crowd: Arc<Crowd>,
    /// Up to where it has everything.
    pub(super) place: Option<Place>,
}

impl Socket {
    /// Opens a session and subscribes; after `after`, if that is given.
    pub(super) async fn open(crowd: Arc<Crowd>, after: Option<Place>) -> Result<Self> {
        let address = crowd.address;
        let mut stream = TcpStream::connect(address)
            .await
            .context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (path, subprotocol) = crowd.speaks.asks();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {subprotocol}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let part = upgraded(&mut stream).await?;
        stream.write_all(&crowd.speaks.greeting(after)).await?;
        Ok(Self {
            stream,
            part,
            crowd,
            place: after,
        })
    }

    /// Reads until the node or the caller ends it.
    pub(super) async fn run(&mut self) {
        // A cut is counted by whoever made it happen, or else here.
        if self.read_on().await.is_err() {
            self.crowd.meter.cut.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn read_on(&mut self) -> Result<()> {
        loop {
            self.stream.readable().await?;
            self.take()?;
        }
    }

    /// Takes what has come.
    fn take(&mut self) -> Result<()> {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(BUFFER_BYTES, 0);
            let got = match self.stream.try_read(buffer) {
                Ok(0) => bail!("closed"),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if self.part.is_empty() {
                let rest = self.frames(&buffer[..got])?;
                self.part.extend_from_slice(&buffer[rest..got]);
            } else {
                let mut part = std::mem::take(&mut self.part);
                part.extend_from_slice(&buffer[..got]);
                let rest = self.frames(&part)?;
                part.drain(..rest);
                self.part = part;
            }
            if self.part.is_empty() {
                self.part = Vec::new();
            }
            Ok(())
        })
    }

    /// Reads whole frames; says how many bytes they were.
    fn frames(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut at = 0;
        while let Some((head, len)) = head(&bytes[at..]) {
            let Some(payload) = bytes.get(at + head..at + head + len) else {
                break;
            };
            let opcode = bytes[at] & 0x0f;
            match opcode {
                2 => self.frame(payload)?,
                8 => bail!("closed by the node"),
                9 => self.pong(payload),
                _ => {}
            }
            at += head + len;
        }
        Ok(at)
    }

    /// Answers a ping. A socket that does not take so little now is as good as silent.
    fn pong(&self, payload: &[u8]) {
        let mut out = vec![0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        out.extend_from_slice(payload);
        let _ = self.stream.try_write(&out);
    }

    fn frame(&mut self, payload: &[u8]) -> Result<()> {
        let rows = match self.crowd.speaks {
            Speaks::Spica { .. } => rows_of(payload),
            Speaks::Nats => marks(payload),
        };
        if let Some(rows) = rows {
            self.count(rows, payload);
            return Ok(());
        }
        if matches!(self.crowd.speaks, Speaks::Nats) {
            if memmem::find(payload, b"PONG\r\n").is_some() {
                self.crowd.meter.ready.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(());
        }
        match decode_server(Encoding::Cbor, payload)? {
            Incoming::Frame(frame) => self.said(frame),
            Incoming::Data { .. } => bail!("a frame of data that does not begin as one"),
            Incoming::Unknown => Ok(()),
        }
    }

    fn count(&mut self, rows: u64, payload: &[u8]) {
        let meter = &self.crowd.meter;
        meter.rows.fetch_add(rows, Ordering::Relaxed);
        meter.frames.fetch_add(1, Ordering::Relaxed);
        meter
            .bytes
            .fetch_add(payload.len() as u64, Ordering::Relaxed);
        let now = self.crowd.began.elapsed().as_micros() as u64;
        let first = memchr::memchr(MARK, payload);
        let last = memchr::memrchr(MARK, payload);
        for at in first
            .into_iter()
            .chain(last.filter(|last| Some(*last) != first))
        {
            if let Some(sent) = time_at(payload, at) {
                meter.age(now.saturating_sub(sent));
            }
        }
        self.note_place(payload);
    }

    fn said(&mut self, frame: ServerFrame) -> Result<()> {
        let meter = &self.crowd.meter;
        match frame {
            ServerFrame::Gap { from, to, .. } => {
                meter.missed.fetch_add(to.0 + 1 - from.0, Ordering::Relaxed);
            }
            ServerFrame::Subscribed { resumed: true, .. } => {
                meter.resumed.fetch_add(1, Ordering::Relaxed);
            }
            ServerFrame::Ready { at, .. } => {
                self.place = Some(at);
                meter.ready.fetch_add(1, Ordering::Relaxed);
            }
            ServerFrame::Refused { detail, .. } => bail!("refused: {detail}"),
            ServerFrame::Bye(bye) => bail!("bye: {}", bye.detail),
            _ => {}
        }
        Ok(())
    }

    /// The place stands at the end of the frame; read only by who resumes.
    fn note_place(&mut self, payload: &[u8]) {
        if let Some(at) = memmem::rfind(payload, b"\x62at\x84")
            && let Some(place) = place_at(&payload[at + 4..])
        {
            self.place = Some(place);
        }
    }
}

const BUFFER_BYTES: usize = 128 << 10;

thread_local! {
    /// What a socket is read into: one for all of a thread's.
    static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Reads the answer to the upgrade; gives what came behind it.
async fn upgraded(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut have = Vec::new();
    loop {
        let mut buffer = [0; 512];
        let got = stream.read(&mut buffer).await?;
        ensure!(got > 0, "closed at the upgrade");
        have.extend_from_slice(&buffer[..got]);
        if let Some(end) = memmem::find(&have, b"\r\n\r\n") {
            let status = String::from_utf8_lossy(&have[..have.len().min(32)]).into_owned();
            ensure!(have.starts_with(b"HTTP/1.1 101"), "no upgrade: {status}");
            return Ok(have.split_off(end + 4));
        }
        ensure!(
            have.len() < ANSWER_BYTES,
            "an answer of more than {ANSWER_BYTES} bytes"
        );
    }
}

impl Speaks {
    /// The path of the upgrade, and the header of its subprotocol.
    fn asks(&self) -> (&'static str, String) {
        match self {
            Self::Spica { .. } => {
                let name = Encoding::Cbor.subprotocol();
                ("/v1/live/ws", format!("sec-websocket-protocol: {name}\r\n"))
            }
            Self::Nats => ("/", String::new()),
        }
    }

    /// What a client says first.
    fn greeting(&self, after: Option<Place>) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Spica { token, subscribe } => {
                let hello = Hello {
                    token: Some(token.clone()),
                    ..Hello::default()
                };
                let subscribe = Subscribe {
                    after,
                    ..(**subscribe).clone()
                };
                for frame in [
                    ClientFrame::Hello(hello),
                    ClientFrame::Subscribe(Box::new(subscribe)),
                ] {
                    let mut payload = Vec::new();
                    encode_client(Encoding::Cbor, &frame, &mut payload);
                    masked(&payload, &mut out);
                }
            }
            Self::Nats => masked(
                b"CONNECT {\"verbose\":false}\r\nSUB bench 1\r\nPING\r\n",
                &mut out,
            ),
        }
        out
    }
}

/// One masked frame. The mask is zeros: what is masked so is as it was.
fn masked(payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x82);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | len as u8),
        len => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Bytes of the head and of the payload of the frame that begins here.
fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => Some((
            4,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        )),
        127 => {
            let len = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            Some((10, usize::try_from(len).ok()?))
        }
        len => Some((2, usize::from(len))),
    }
}

/// How many rows a frame announces, if it is one of data.
fn rows_of(payload: &[u8]) -> Option<u64> {
    let rest = payload.strip_prefix(DATA)?;
    let (_, rest) = unsigned(rest, 0)?;
    let (count, _) = unsigned(rest.strip_prefix(b"\x61u")?, 4)?;
    Some(count)
}

/// A number in CBOR with this major type, and what stands behind it.
fn unsigned(bytes: &[u8], major: u8) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first >> 5 != major {
        return None;
    }
    let len = match first & 0x1f {
        small @ 0..24 => return Some((u64::from(small), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let number = rest.get(..len)?.iter();
    Some((
        number.fold(0, |n, byte| n << 8 | u64::from(*byte)),
        &rest[len..],
    ))
}

fn place_at(mut bytes: &[u8]) -> Option<Place> {
    let mut next = || {
        let (number, rest) = unsigned(bytes, 0)?;
        bytes = rest;
        Some(number)
    };
    let [critical_epoch, critical, normal_epoch, normal] = [next()?, next()?, next()?, next()?];
    let lane = |epoch: u64, seq| {
        Some((
            spica_model::Epoch(u32::try_from(epoch).ok()?),
            spica_model::Seq(seq),
        ))
    };
    Some(Place::new(
        lane(critical_epoch, critical)?,
        lane(normal_epoch, normal)?,
    ))
}

/// How many payloads there are, by their marks.
fn marks(payload: &[u8]) -> Option<u64> {
    let count = memchr::memchr_iter(MARK, payload).count() as u64;
    (count > 0).then_some(count)
}

fn time_at(payload: &[u8], mark: usize) -> Option<u64> {
    let digits = payload.get(mark + 1..mark + 1 + DIGITS)?;
    digits.iter().try_fold(0_u64, |n, byte| {
        byte.is_ascii_digit()
            .then(|| n * 10 + u64::from(byte - b'0'))
    })
}
