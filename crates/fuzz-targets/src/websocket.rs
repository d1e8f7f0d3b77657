//! Fuzz target: what clients send to open a WebSocket and over it. An input that begins with `h` is
//! the head of an upgrade request; of any other the first byte says in pieces of how many bytes the
//! rest arrives, and the second how long a message may be.
//!
//! What the decoder gives is compared with a second reading of the same bytes, written from RFC 6455
//! alone, which sees all of them at once.

use std::ops::ControlFlow;

use bytes::Bytes;
use spica_http::upgrade_answer;
use spica_ws_proto::{CONTROL_BYTES, Decoder, Event, accept_key, code};

/// Runs the target on one input.
///
/// # Panics
/// If the decoder gives something else than the RFC says, depends on the pieces or holds too much,
/// or a handshake is agreed to that must not be.
pub fn run(data: &[u8]) {
    match data {
        [b'h', head @ ..] => handshake(head),
        [piece, limit, bytes @ ..] => {
            let limit = usize::from(*limit) * 8;
            let expected = read(bytes, limit);
            assert_eq!(decoded(bytes, bytes.len(), limit), expected, "at once");
            let piece = usize::from(*piece);
            assert_eq!(decoded(bytes, piece, limit), expected, "in pieces");
        }
        _ => {}
    }
}

/// What has come, and the close code of what broke the rules after it.
type Reading = (Vec<Event>, Option<u16>);

fn decoded(bytes: &[u8], piece: usize, limit: usize) -> Reading {
    let mut decoder = Decoder::new(limit);
    let mut events = Vec::new();
    for mut piece in bytes.chunks(piece.max(1)) {
        loop {
            let next = decoder.next(&mut piece);
            // A buffer grows by doubling.
            assert!(decoder.held_bytes() <= 2 * (limit + CONTROL_BYTES) + 16);
            match next {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.next(&mut piece), Err(violation), "and for ever");
                    return (events, Some(violation.code()));
                }
            }
        }
        assert!(piece.is_empty(), "everything is taken");
    }
    (events, None)
}

/// The second reading.
fn read(mut bytes: &[u8], limit: usize) -> Reading {
    let mut events = Vec::new();
    let mut message = None;
    loop {
        match frame(&mut bytes, &mut message, limit) {
            ControlFlow::Continue(event) => events.extend(event),
            ControlFlow::Break(code) => return (events, code),
        }
    }
}

/// Reads a frame, and the event that it ends; breaks where nothing more can be read, with the close
/// code if that is the client's fault.
fn frame(
    bytes: &mut &[u8],
    message: &mut Option<(bool, Vec<u8>)>,
    limit: usize,
) -> ControlFlow<Option<u16>, Option<Event>> {
    let [first, second, rest @ ..] = *bytes else {
        return ControlFlow::Break(None);
    };
    let (opcode, last) = (first & 15, first & 128 != 0);
    let is_control = opcode >= 8;
    let is_allowed = match opcode {
        0 => message.is_some(),
        1 | 2 => message.is_none(),
        8..=10 => last && second & 127 < 126,
        _ => false,
    };
    if first & 0x70 != 0 || second & 128 == 0 || !is_allowed {
        return ControlFlow::Break(Some(code::PROTOCOL));
    }
    let wide = match second & 127 {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some((head, rest)) = rest.split_at_checked(wide + 4) else {
        return ControlFlow::Break(None);
    };
    let (length, mask) = head.split_at(wide);
    let length = match wide {
        0 => u64::from(second & 127),
        _ => length
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    let least = [0, 0, 126, 0, 0, 0, 0, 0, 1 << 16][wide];
    if length < least || length > u64::MAX / 2 {
        return ControlFlow::Break(Some(code::PROTOCOL));
    }
    let before = message.as_ref().map_or(0, |(_, begun)| begun.len());
    if !is_control && before as u64 + length > limit as u64 {
        return ControlFlow::Break(Some(code::TOO_BIG));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let is_whole = length <= rest.len();
    let (masked, rest) = rest.split_at(length.min(rest.len()));
    *bytes = rest;
    let payload = masked.iter().zip(mask.iter().cycle());
    let payload = payload.map(|(byte, mask)| byte ^ mask);
    if is_control {
        return if is_whole {
            control(opcode, payload.collect())
        } else {
            ControlFlow::Break(None)
        };
    }
    let (is_text, mut all) = message.take().unwrap_or((opcode == 1, Vec::new()));
    all.extend(payload);
    let is_over = last && is_whole;
    let is_utf8 = match std::str::from_utf8(&all) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && !is_over,
    };
    if is_text && !is_utf8 {
        return ControlFlow::Break(Some(code::NOT_UTF8));
    }
    if !is_whole {
        return ControlFlow::Break(None);
    }
    if !last {
        *message = Some((is_text, all));
        return ControlFlow::Continue(None);
    }
    let event = if is_text { Event::Text } else { Event::Binary };
    ControlFlow::Continue(Some(event(all.into())))
}

fn control(opcode: u8, payload: Vec<u8>) -> ControlFlow<Option<u16>, Option<Event>> {
    let event = match (opcode, &payload[..]) {
        (9, _) => Event::Ping(payload.into()),
        (10, _) => Event::Pong(payload.into()),
        (_, []) => Event::Close(None),
        (_, [_]) => return ControlFlow::Break(Some(code::PROTOCOL)),
        (_, [high, low, reason @ ..]) => {
            let given = u16::from_be_bytes([*high, *low]);
            // Section 7.4.1, and what IANA has registered since.
            let is_code =
                matches!(given, 1000..=1014 | 3000..=4999) && !matches!(given, 1004..=1006);
            if !is_code {
                return ControlFlow::Break(Some(code::PROTOCOL));
            }
            if std::str::from_utf8(reason).is_err() {
                return ControlFlow::Break(Some(code::NOT_UTF8));
            }
            Event::Close(Some(given))
        }
    };
    ControlFlow::Continue(Some(event))
}

/// An answer to a head is what the RFC asks for, or says what is wrong.
fn handshake(head: &[u8]) {
    let text = String::from_utf8_lossy(head);
    match upgrade_answer(head) {
        Ok((protocol, accept)) => {
            let lower = text.to_ascii_lowercase();
            assert!(lower.contains("websocket") && lower.contains("upgrade"));
            assert!(text.contains(protocol), "a protocol that was offered");
            let keys = text.lines().filter_map(|line| line.split_once(':'));
            let mut keys = keys.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
            assert!(keys.any(|(_, key)| accept_key(key).as_ref() == Some(&accept)));
            assert_eq!(accept.len(), 28, "twenty bytes in base64");
        }
        Err(status) => assert!(matches!(status, 400 | 426), "{status}"),
    }
    if accept_key(&text).is_some() {
        let key = Bytes::copy_from_slice(text.trim().as_bytes());
        assert!(key.len() == 24 && key.ends_with(b"=="), "sixteen bytes");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_passes() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/websocket");
        let mut files = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::run(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 12, "only {files} files in {corpus}");
    }
}
