//! Sessions without held values, by the thousand: to measure a server from one process.
//!
//! A [`Lean`] session is one WebSocket and nothing else: no task, no channel, no values. Of a `data`
//! frame it reads the head and counts the rows; the frame stays as it came, and whoever wants to see
//! it reads it with [`Glance::read`]. A frame is a slice of the socket's buffer: nothing is copied or
//! allocated for it. Absent: resuming, falling back, credit.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use spica_live_proto::{
    ClientFrame, Encoding, FrameError, Hello, Incoming, SubId, Subscribe, decode_server,
};
use tokio::net::TcpStream;
use tokio_websockets::{Config, Payload, WebSocketStream};

use crate::core::address;
use crate::shell::{builder, message};

/// How long an upgrade may take.
const UPGRADE: Duration = Duration::from_secs(30);

/// Why there is no session, or no more.
#[derive(Debug, thiserror::Error)]
pub enum LeanError {
    /// The address cannot be read; TLS is not for measuring.
    #[error("{0:?} is no address; allowed is http://host:port")]
    Address(String),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The WebSocket failed; a 503 says that the server has enough.
    #[error("the WebSocket failed: {0}")]
    WebSocket(#[from] tokio_websockets::Error),
    /// No answer to the upgrade.
    #[error("no answer to the upgrade within {} s", UPGRADE.as_secs())]
    Silence,
    /// The server closed the session.
    #[error("the server closed the session")]
    Closed,
}

impl LeanError {
    /// The HTTP status with which the upgrade was refused, if it was.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        use tokio_websockets::{Error, upgrade::Error::DidNotSwitchProtocols};
        match self {
            Self::WebSocket(Error::Upgrade(DidNotSwitchProtocols(status))) => Some(*status),
            _ => None,
        }
    }
}

/// A session that holds nothing.
#[derive(Debug)]
pub struct Lean {
    socket: WebSocketStream<TcpStream>,
    encoding: Encoding,
}

/// A frame of the server, looked at but not read.
#[derive(Debug)]
pub struct Glance {
    /// Of a `data` frame: the subscription and the number of rows.
    pub data: Option<(SubId, usize)>,
    payload: Payload,
    encoding: Encoding,
}

impl Glance {
    /// The frame as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.payload
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(&self) -> Result<Incoming, FrameError> {
        decode_server(self.encoding, &self.payload)
    }
}

impl Lean {
    /// Opens a session at `http://host:port` and says hello; the first frame is the welcome.
    ///
    /// # Errors
    /// If there is no WebSocket there.
    pub async fn open(base: &str, encoding: Encoding, hello: Hello) -> Result<Self, LeanError> {
        let wrong = || LeanError::Address(base.to_owned());
        let url = address(base, "http").filter(|url| url.starts_with("http:"));
        let url = url.ok_or_else(wrong)?;
        let host = url.strip_prefix("http://").ok_or_else(wrong)?;
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let builder = builder(&url, encoding).ok_or_else(wrong)?;
        // Frames are small and are flushed one by one.
        let builder = builder.config(Config::default().flush_threshold(1));
        let upgrade = tokio::time::timeout(UPGRADE, builder.connect_on(stream)).await;
        let (socket, _) = upgrade.map_err(|_| LeanError::Silence)??;
        let mut lean = Self { socket, encoding };
        lean.say(&ClientFrame::Hello(hello)).await?;
        Ok(lean)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn say(&mut self, frame: &ClientFrame) -> Result<(), LeanError> {
        Ok(self.socket.send(message(self.encoding, frame)).await?)
    }

    /// Subscribes.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), LeanError> {
        self.say(&ClientFrame::Subscribe(Box::new(subscribe))).await
    }

    /// The next frame. Safe to cancel.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn next(&mut self) -> Result<Glance, LeanError> {
        loop {
            let message = self.socket.next().await.ok_or(LeanError::Closed)??;
            if message.is_close() {
                return Err(LeanError::Closed);
            }
            if message.is_text() || message.is_binary() {
                let payload = message.into_payload();
                return Ok(Glance {
                    data: head(self.encoding, &payload),
                    payload,
                    encoding: self.encoding,
                });
            }
        }
    }
}

/// The subscription and the number of rows of a frame as our server writes it: `t`, `sub`, `u` in
/// this order. `None` for another frame, or one that is written otherwise.
fn head(encoding: Encoding, frame: &[u8]) -> Option<(SubId, usize)> {
    match encoding {
        Encoding::Cbor => cbor_head(frame),
        Encoding::Json => json_head(frame),
    }
}

fn cbor_head(frame: &[u8]) -> Option<(SubId, usize)> {
    // A map; "t", "data", "sub".
    let (&map, rest) = frame.split_first()?;
    if map >> 5 != 5 {
        return None;
    }
    let rest = rest.strip_prefix(b"\x61t\x64data\x63sub")?;
    let (sub, rest) = cbor_number(rest, 0)?;
    let rest = rest.strip_prefix(b"\x61u")?;
    let (rows, _) = cbor_number(rest, 4)?;
    Some((SubId(u32::try_from(sub).ok()?), usize::try_from(rows).ok()?))
}

/// The number in the head of an item of this major type.
fn cbor_number(bytes: &[u8], major: u8) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first >> 5 != major {
        return None;
    }
    let length = match first & 31 {
        short @ 0..24 => return Some((u64::from(short), rest)),
        sized @ 24..28 => 1_usize << (sized - 24),
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(length)?;
    let number = number
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some((number, rest))
}

fn json_head(frame: &[u8]) -> Option<(SubId, usize)> {
    let rest = frame.strip_prefix(br#"{"t":"data","sub":"#)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (sub, rest) = rest.split_at(digits);
    let sub = std::str::from_utf8(sub).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(br#","u":["#)?;
    Some((SubId(sub), json_rows(rest)?))
}

/// The arrays up to the end of the one that is open.
fn json_rows(bytes: &[u8]) -> Option<usize> {
    let (mut rows, mut depth) = (0, 0_usize);
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => at = string_end(bytes, at + 1)?,
            b'[' | b'{' => {
                rows += usize::from(depth == 0);
                depth += 1;
            }
            b']' if depth == 0 => return Some(rows),
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
}

/// Where the string ends that began before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_live_proto::{data_frame, rows};
    use spica_model::{ContentType, Epoch, Lane, Place, Position, Quality, Seq, Timestamp, Topic};

    fn frame(encoding: Encoding, count: usize) -> Vec<u8> {
        let record = spica_model::Record {
            position: Position {
                epoch: Epoch(1),
                lane: Lane::Normal,
                seq: Seq(7),
            },
            topic: Topic::new("a/\"[b").unwrap(),
            kind: spica_model::Kind::Event,
            op: spica_model::Op::Put,
            quality: Quality::Good,
            received: Timestamp::from_micros(5),
            source_time: None,
            content_type: ContentType::Json,
            payload: br#"{"a":["x]\\","\""]}"#.to_vec().into(),
            key: None,
            cause: None,
            properties: None,
        };
        let mut row = Vec::new();
        rows::full(encoding, 70_000, &record, &mut row);
        let at = Place::new((Epoch(1), Seq(0)), (Epoch(1), Seq(7)));
        let mut out = Vec::new();
        let rows = std::iter::repeat_n(row.as_slice(), count);
        data_frame(encoding, SubId(300), &at, rows, count, &mut out);
        out
    }

    #[test]
    fn rows_are_counted_without_being_read() {
        for encoding in Encoding::ALL {
            for count in [0, 1, 3, 30, 300] {
                let frame = frame(encoding, count);
                assert_eq!(head(encoding, &frame), Some((SubId(300), count)));
            }
        }
    }

    #[test]
    fn what_is_cut_or_another_frame_has_no_rows() {
        for encoding in Encoding::ALL {
            let frame = frame(encoding, 2);
            // In CBOR the head is whole long before the frame is.
            let until = if encoding == Encoding::Json {
                frame.len() - 30
            } else {
                14
            };
            for end in 0..until {
                assert_eq!(head(encoding, &frame[..end]), None, "{end}");
            }
        }
        assert_eq!(head(Encoding::Json, br#"{"t":"beat","time":1}"#), None);
    }
}
