//! Fuzz target: the wire of live sessions. The first byte says what the rest is: frames of a client
//! or of the server in either encoding, a patch, or two values to find a patch between.

use bytes::Bytes;
use serde_json::Value;
use spica_live_proto::{
    Encoding, Incoming, Patch, apply, compose, decode_client, decode_server, diff, encode,
    encode_client,
};
use spica_model::ContentType;

/// The longest result of a patch.
const LIMIT: usize = 1 << 16;

/// Runs the target on one input.
///
/// # Panics
/// If what was read is not written so that it reads the same, or a patch does not do what it says.
pub fn run(data: &[u8]) {
    let Some((what, rest)) = data.split_first() else {
        return;
    };
    match what {
        b'j' => client(Encoding::Json, rest),
        b'c' => client(Encoding::Cbor, rest),
        b'J' => server(Encoding::Json, rest),
        b'C' => server(Encoding::Cbor, rest),
        b'b' => binary(rest),
        b'm' => merge(rest),
        b't' => difference(&ContentType::Text, rest),
        _ => difference(&ContentType::Json, rest),
    }
}

/// A frame that was read is written so that it says the same. In JSON the last bit of a float in a
/// body may differ, so there it need only be read.
fn client(encoding: Encoding, data: &[u8]) {
    let frame = match decode_client(encoding, data) {
        Ok(frame) => frame,
        Err(error) => return assert!(!error.detail.is_empty()),
    };
    let mut out = Vec::new();
    encode_client(Encoding::Cbor, &frame, &mut out);
    assert_eq!(decode_client(Encoding::Cbor, &out), Ok(frame.clone()));
    out.clear();
    encode_client(Encoding::Json, &frame, &mut out);
    let again = decode_client(Encoding::Json, &out);
    assert!(again.is_ok(), "{frame:?}: {again:?}");
    assert!(!out.contains(&b'\n'));
}

fn server(encoding: Encoding, data: &[u8]) {
    let Ok(Incoming::Frame(frame)) = decode_server(encoding, data) else {
        return;
    };
    let mut out = Vec::new();
    encode(Encoding::Cbor, &frame, &mut out);
    let again = decode_server(Encoding::Cbor, &out);
    // What is no number is equal to nothing: compare what is said.
    assert_eq!(
        format!("{again:?}"),
        format!("{:?}", Ok::<_, ()>(Incoming::Frame(frame.clone())))
    );
    out.clear();
    encode(Encoding::Json, &frame, &mut out);
    assert!(decode_server(Encoding::Json, &out).is_ok(), "{frame:?}");
}

/// Two parts: what stands before the first zero byte, and what stands after it.
fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == 0);
    at.map_or((data, &[]), |at| (&data[..at], &data[at + 1..]))
}

fn binary(data: &[u8]) {
    let (base, patch) = parts(data);
    let patch = Patch::Binary(Bytes::copy_from_slice(patch));
    if let Ok(result) = apply(base, &patch, LIMIT) {
        assert!(result.len() <= LIMIT);
    }
}

fn merge(data: &[u8]) {
    let (base, patch) = parts(data);
    let Ok(patch) = std::str::from_utf8(patch) else {
        return;
    };
    let Ok(once) = apply(base, &Patch::Merge(patch.to_owned()), LIMIT) else {
        return;
    };
    // A patch says what is to be, so that it may be said twice.
    let twice = apply(&once, &Patch::Merge(patch.to_owned()), LIMIT);
    assert_eq!(twice.map(|twice| value(&twice)), Ok(value(&once)));
    if let Ok(both) = compose(patch, patch, LIMIT) {
        let composed = apply(base, &Patch::Merge(both), LIMIT);
        assert_eq!(composed.map(|it| value(&it)), Ok(value(&once)));
    }
}

fn difference(content_type: &ContentType, data: &[u8]) {
    let (base, new) = parts(data);
    let Some(patch) = diff(content_type, base, new) else {
        return;
    };
    let result = apply(base, &patch, usize::MAX);
    match patch {
        Patch::Binary(_) => assert_eq!(result.as_deref(), Ok(new)),
        Patch::Merge(_) => assert_eq!(result.map(|it| value(&it)), Ok(value(new))),
    }
}

fn value(json: &[u8]) -> Option<Value> {
    serde_json::from_slice(json).ok()
}
