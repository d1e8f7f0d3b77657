//! What a client says, as it is read.

use super::limits;
use super::subscribe::{limit_change, sub, subscribe};
use crate::error::Wrong;
use crate::keys::Keys;
use crate::part::Part;
use crate::{About, Call, ClientFrame, Encoding, FrameError, Hello, RefusalCode, SubId};

/// The methods that a call may have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Reads a frame of a client. A null stands for an absent key; a key that comes twice is an error,
/// in the frame as in its `window`, but not in the `body` of a call, where the last holds.
///
/// # Errors
/// What is wrong with it, ready to be said in a `refused` frame.
pub fn decode_client(encoding: Encoding, bytes: &[u8]) -> Result<ClientFrame, FrameError> {
    let frame = Part::whole(encoding, bytes, limits::DEPTH)
        .map_err(|what| Wrong::new(format!("the frame cannot be read: {what}")))
        .and_then(|frame| Keys::of(frame, "a frame"))
        .map_err(|wrong| wrong.about(About::Session))?;
    let name = frame
        .text("t")
        .map_err(|wrong| wrong.about(about(&frame, "")))?;
    read(&name, &frame).map_err(|wrong| wrong.about(about(&frame, &name)))
}

/// What a frame is about, as far as that can be read.
fn about(frame: &Keys<'_>, name: &str) -> About {
    let id = || frame.part("id").and_then(Part::u64).map(About::Id);
    let sub = || frame.part("sub").and_then(sub).map(About::Sub);
    match name {
        "hello" | "credit" | "bye" => None,
        "subscribe" | "change" | "unsubscribe" => sub(),
        "call" | "ping" | "stats" => id(),
        _ => id().or_else(sub),
    }
    .unwrap_or(About::Session)
}

fn read(name: &str, frame: &Keys<'_>) -> Result<ClientFrame, Wrong> {
    Ok(match name {
        "hello" => ClientFrame::Hello(hello(frame)?),
        "subscribe" => ClientFrame::Subscribe(Box::new(subscribe(frame)?)),
        "change" => ClientFrame::Change {
            sub: frame.optional("sub", SUB, sub)?,
            limits: limit_change(frame)?,
        },
        "unsubscribe" => ClientFrame::Unsubscribe(need_sub(frame)?),
        "credit" => ClientFrame::Credit(frame.number("bytes")?),
        "call" => ClientFrame::Call(Box::new(call(frame)?)),
        "ping" => ClientFrame::Ping(frame.number("id")?),
        "stats" => ClientFrame::Stats(frame.number("id")?),
        "bye" => ClientFrame::Bye,
        _ => return Err(Wrong::new("`t` is no frame of a client")),
    })
}

const SUB: &str = "a whole number from 1 to 2^32-1";

pub(super) fn need_sub(frame: &Keys<'_>) -> Result<SubId, Wrong> {
    frame.need("sub", SUB, sub)
}

fn hello(frame: &Keys<'_>) -> Result<Hello, Wrong> {
    Ok(Hello {
        token: short(frame, "token", limits::TOKEN_BYTES)?,
        client: short(frame, "client", limits::CLIENT_BYTES)?,
        credit: frame.optional_number("credit")?,
        bytes_per_s: frame.optional_number("bytes_per_s")?.unwrap_or(0),
    })
}

fn call(frame: &Keys<'_>) -> Result<Call, Wrong> {
    let method = frame.text("method")?;
    if !METHODS.contains(&&*method) {
        return Err(Wrong::value(
            "method",
            "one of GET, POST, PUT, PATCH, DELETE",
        ));
    }
    let id = frame.number("id")?;
    let path = short(frame, "path", limits::PATH_BYTES)?;
    let body = frame.part("body").map(|body| {
        let value = body.value();
        value.ok_or_else(|| Wrong::value("body", "a JSON value"))
    });
    Ok(Call {
        id,
        method,
        path: path.filter(|path| is_path(path)).ok_or_else(|| {
            Wrong::value(
                "path",
                "below /v1/, without white space or control characters",
            )
        })?,
        body: body.transpose()?,
        key: short(frame, "key", limits::KEY_BYTES)?,
    })
}

fn is_path(path: &str) -> bool {
    path.starts_with("/v1/") && path.bytes().all(|b| b.is_ascii_graphic())
}

/// A text of at most `limit` bytes, or none.
pub(super) fn short(frame: &Keys<'_>, key: &str, limit: usize) -> Result<Option<String>, Wrong> {
    let text = frame.optional(key, "text", Part::text)?;
    match text {
        Some(text) if text.len() > limit => {
            let wrong = Wrong::new(format!("`{key}` has more than {limit} bytes"));
            Err(wrong.coded(RefusalCode::Limit))
        }
        text => Ok(text.map(Into::into)),
    }
}
