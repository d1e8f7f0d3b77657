//! What the server says, as it is read.

use spica_model::{Lane, Place, Seq};

use super::row::{self, Row};
use crate::error::Wrong;
use crate::keys::Keys;
use crate::part::Part;
use crate::words::Word as _;
use crate::{
    About, Bye, Encoding, FrameError, GapReason, ServerFrame, Stats, SubId, Welcome, place, sound,
};

/// How deep a frame nests: a payload stands in a row, the rows in an array, that in the frame.
const DEPTH: usize = sound::DEPTH + 3;

/// What came from the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A frame without rows.
    Frame(ServerFrame),
    /// Rows of a subscription.
    Data {
        /// Which.
        sub: SubId,
        /// Everything up to there has now been sent, or left out by conflation.
        at: Place,
        /// In the order in which they apply.
        rows: Vec<Row>,
    },
    /// A frame that this version does not know, to be ignored.
    Unknown,
}

/// Reads a frame of the server. A null stands for an absent key; a key that comes twice is an error.
///
/// # Errors
/// What is wrong with it. A client that gets one does not understand the server: it ends the session.
pub fn decode_server(encoding: Encoding, bytes: &[u8]) -> Result<Incoming, FrameError> {
    Part::whole(encoding, bytes, DEPTH)
        .map_err(|what| Wrong::new(format!("the frame cannot be read: {what}")))
        .and_then(|frame| read(&Keys::of(frame, "a frame")?))
        .map_err(|wrong| wrong.about(About::Session))
}

fn read(frame: &Keys<'_>) -> Result<Incoming, Wrong> {
    Ok(Incoming::Frame(match &*frame.text("t")? {
        "data" => return data(frame),
        "welcome" => ServerFrame::Welcome(Box::new(welcome(frame)?)),
        "subscribed" => ServerFrame::Subscribed {
            sub: sub(frame)?,
            recovery: frame.word("recovery")?,
            deliver: frame.word("deliver")?,
            at: at(frame)?,
            resumed: frame.need("resumed", "true or false", Part::bool)?,
        },
        "ready" => ServerFrame::Ready {
            sub: sub(frame)?,
            at: at(frame)?,
        },
        "gap" => ServerFrame::Gap {
            sub: sub(frame)?,
            lane: frame.need("lane", "critical or normal", lane)?,
            from: Seq(frame.number("from")?),
            to: Seq(frame.number("to")?),
            reason: frame.word("reason")?,
        },
        "reset" => ServerFrame::Reset(sub(frame)?),
        "ended" => ServerFrame::Ended {
            sub: sub(frame)?,
            code: frame.word("code")?,
            detail: frame.text("detail")?,
        },
        "beat" => ServerFrame::Beat { time: time(frame)? },
        name => return answer(name, frame),
    }))
}

/// Frames that answer something the client said, and the last one.
fn answer(name: &str, frame: &Keys<'_>) -> Result<Incoming, Wrong> {
    Ok(Incoming::Frame(match name {
        "pong" => ServerFrame::Pong {
            id: frame.number("id")?,
            time: time(frame)?,
        },
        "result" => {
            let body = frame.part("body").map(|body| {
                let value = body.value();
                value.ok_or_else(|| Wrong::value("body", "a JSON value"))
            });
            ServerFrame::Result {
                id: frame.number("id")?,
                status: frame.need("status", "a status of HTTP", |part| {
                    u16::try_from(part.u64()?).ok()
                })?,
                body: body.transpose()?,
            }
        }
        "stats" => ServerFrame::Stats {
            id: frame.number("id")?,
            stats: Box::new(stats(frame)?),
        },
        "refused" => ServerFrame::Refused {
            about: about(frame)?,
            code: frame.word("code")?,
            detail: frame.text("detail")?,
        },
        "bye" => ServerFrame::Bye(Box::new(Bye {
            code: frame.word("code")?,
            detail: frame.text("detail")?,
            retry_after_ms: frame.optional_number("retry_after_ms")?,
            active: frame
                .optional("active", "text", Part::text)?
                .map(Into::into),
        })),
        _ => return Ok(Incoming::Unknown),
    }))
}

fn data(frame: &Keys<'_>) -> Result<Incoming, Wrong> {
    let rows = frame.need("u", "an array of rows", Part::items)?;
    Ok(Incoming::Data {
        sub: sub(frame)?,
        at: at(frame)?,
        rows: rows
            .into_iter()
            .map(|row| row::read(row).ok_or_else(|| Wrong::new("`u` has a row that is none")))
            .collect::<Result<_, _>>()?,
    })
}

fn sub(frame: &Keys<'_>) -> Result<SubId, Wrong> {
    frame
        .need("sub", "a whole number to 2^32-1", Part::u32)
        .map(SubId)
}

fn at(frame: &Keys<'_>) -> Result<Place, Wrong> {
    frame.need("at", place::EXPECTED, place::read)
}

fn time(frame: &Keys<'_>) -> Result<i64, Wrong> {
    frame.need("time", "microseconds since 1970", Part::i64)
}

fn finite(part: Part<'_>) -> Option<f64> {
    part.f64().filter(|number| number.is_finite())
}

fn lane(part: Part<'_>) -> Option<Lane> {
    part.text()?.parse().ok()
}

fn about(frame: &Keys<'_>) -> Result<About, Wrong> {
    if let Some(id) = frame.optional_number("id")? {
        return Ok(About::Id(id));
    }
    let sub = frame.optional("sub", "a whole number to 2^32-1", Part::u32)?;
    Ok(sub.map_or(About::Session, |sub| About::Sub(SubId(sub))))
}

fn welcome(frame: &Keys<'_>) -> Result<Welcome, Wrong> {
    const ROLES: [&str; 3] = ["reader", "operator", "admin"];
    Ok(Welcome {
        session: frame.text("session")?,
        node: frame.text("node")?,
        engine: frame.text("engine")?,
        time: time(frame)?,
        heartbeat_ms: frame.number("heartbeat_ms")?,
        role: frame.need("role", "one of reader, operator, admin", |part| {
            let text = part.text()?;
            ROLES.into_iter().find(|role| *role == text)
        })?,
        max_frame: frame.number("max_frame")?,
        max_subs: frame.need("max_subs", "a whole number to 2^32-1", Part::u32)?,
    })
}

fn stats(frame: &Keys<'_>) -> Result<Stats, Wrong> {
    let reasons = Keys::of(frame.need("dropped", "an object", Some)?, "`dropped`")?;
    let mut dropped = [0; GapReason::WORDS.len()];
    for ((_, reason), count) in GapReason::WORDS.iter().zip(&mut dropped) {
        *count = reasons.number(reason)?;
    }
    Ok(Stats {
        rtt_ms: frame.optional("rtt_ms", "a number", finite)?,
        queue: frame.number("queue")?,
        sent: frame.number("sent")?,
        conflated: frame.number("conflated")?,
        dropped,
        bytes_full: frame.number("bytes_full")?,
        bytes_sent: frame.number("bytes_sent")?,
        subs: frame.number("subs")?,
    })
}
