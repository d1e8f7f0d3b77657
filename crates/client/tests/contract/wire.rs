//! Frames of scenarios on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minicbor::Encoder;
use serde_json::{Value, json};
use spica_live_proto::{Encoding, decode_client, encode_client};

/// A frame of the client, as JSON.
pub(crate) fn read(encoding: Encoding, bytes: &[u8]) -> Value {
    if encoding == Encoding::Json {
        return serde_json::from_slice(bytes).unwrap();
    }
    let frame = decode_client(Encoding::Cbor, bytes).unwrap();
    let mut json = Vec::new();
    encode_client(Encoding::Json, &frame, &mut json);
    serde_json::from_slice(&json).unwrap()
}

/// A frame of a scenario in CBOR: payloads and patches become text or bytes.
pub(crate) fn cbor(frame: &Value) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    out.map(frame.as_object().unwrap().len() as u64).unwrap();
    for (key, value) in frame.as_object().unwrap() {
        out.str(key).unwrap();
        if key == "u" && frame["t"] == "data" {
            out.array(value.as_array().unwrap().len() as u64).unwrap();
            value
                .as_array()
                .unwrap()
                .iter()
                .for_each(|it| row(it, &mut out));
        } else {
            plain(value, &mut out);
        }
    }
    out.into_writer()
}

fn row(row: &Value, out: &mut Encoder<Vec<u8>>) {
    let items = row.as_array().unwrap();
    let (last, others) = items.split_last().unwrap();
    out.array(items.len() as u64).unwrap();
    others.iter().for_each(|item| plain(item, out));
    match (items[0].as_u64(), items.len()) {
        (Some(0), 12) => payload(&items[10], last, out),
        (Some(1), 13) if items[11] == json!(0) => drop(out.str(&last.to_string()).unwrap()),
        (Some(1), 13) => bytes(last, out),
        _ => plain(last, out),
    }
}

fn payload(content: &Value, value: &Value, out: &mut Encoder<Vec<u8>>) {
    let name = content.as_str().unwrap_or_default();
    if *content == json!(0) || name.ends_with("json") {
        out.str(&value.to_string()).unwrap();
    } else if *content == json!(1) || name.starts_with("text/") {
        plain(value, out);
    } else {
        bytes(value, out);
    }
}

fn bytes(base64: &Value, out: &mut Encoder<Vec<u8>>) {
    let bytes = STANDARD.decode(base64.as_str().unwrap()).unwrap();
    out.bytes(&bytes).unwrap();
}

fn plain(value: &Value, out: &mut Encoder<Vec<u8>>) {
    match value {
        Value::Null => drop(out.null().unwrap()),
        Value::Bool(it) => drop(out.bool(*it).unwrap()),
        Value::String(it) => drop(out.str(it).unwrap()),
        Value::Number(it) => match (it.as_u64(), it.as_i64()) {
            (Some(number), _) => drop(out.u64(number).unwrap()),
            (None, Some(number)) => drop(out.i64(number).unwrap()),
            (None, None) => drop(out.f64(it.as_f64().unwrap()).unwrap()),
        },
        Value::Array(items) => {
            out.array(items.len() as u64).unwrap();
            items.iter().for_each(|item| plain(item, out));
        }
        Value::Object(pairs) => {
            out.map(pairs.len() as u64).unwrap();
            for (key, value) in pairs {
                out.str(key).unwrap();
                plain(value, out);
            }
        }
    }
}
