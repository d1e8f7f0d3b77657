//! The vectors, which the other clients read too, against what is written and read here. With
//! `UPDATE_VECTORS=1` they are written anew: review what changed, for peers in the field expect what
//! stood there.

use std::path::PathBuf;

use serde_json::{Value, json};
use spica_live_proto::{
    Encoding, Incoming, Patch, apply, decode_client, decode_server, encode, encode_client,
};

use crate::samples;

fn path(name: &str) -> PathBuf {
    let vectors = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    vectors.join(name)
}

fn read(name: &str) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(vector: &Value, key: &str) -> Vec<u8> {
    let hex = vector[key].as_str().unwrap().as_bytes();
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.chunks(2).map(digits).collect()
}

/// A frame in both encodings.
fn both(write: impl Fn(Encoding, &mut Vec<u8>)) -> [Vec<u8>; 2] {
    Encoding::ALL.map(|encoding| {
        let mut out = Vec::new();
        write(encoding, &mut out);
        out
    })
}

fn frames() -> Vec<Value> {
    let vector = |from: &str, name: &str, [json, cbor]: [Vec<u8>; 2]| {
        json!({
            "name": format!("{from}-{name}"),
            "from": from,
            "json": String::from_utf8(json).unwrap(),
            "cbor_hex": hex(&cbor),
        })
    };
    let client = samples::client().into_iter().map(|(name, frame)| {
        let bytes = both(|encoding, out| encode_client(encoding, &frame, out));
        vector("client", name, bytes)
    });
    let server = samples::server().into_iter().map(|(name, frame)| {
        let bytes = both(|encoding, out| encode(encoding, &frame, out));
        vector("server", name, bytes)
    });
    let [json, cbor] = Encoding::ALL.map(samples::data);
    let data = json.into_iter().zip(cbor);
    let data = data.map(|((name, json), (_, cbor))| vector("server", name, [json, cbor]));
    client.chain(server).chain(data).collect()
}

#[test]
fn frames_are_written_as_in_the_vectors() {
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&frames()).unwrap() + "\n";
        std::fs::write(path("frames.json"), text).unwrap();
    }
    for (written, vector) in frames().iter().zip(read("frames.json")) {
        assert_eq!(*written, vector);
    }
    assert_eq!(frames().len(), read("frames.json").len());
}

#[test]
fn frames_of_the_vectors_say_the_same_in_both_encodings() {
    for vector in read("frames.json") {
        let name = &vector["name"];
        let json = vector["json"].as_str().unwrap().as_bytes();
        let cbor = &unhex(&vector, "cbor_hex");
        assert!(!json.contains(&b'\n'), "{name}: one line");
        if vector["from"] == "client" {
            let frame = decode_client(Encoding::Json, json).unwrap();
            assert_eq!(decode_client(Encoding::Cbor, cbor), Ok(frame), "{name}");
            continue;
        }
        let json = decode_server(Encoding::Json, json).unwrap();
        let cbor = decode_server(Encoding::Cbor, cbor).unwrap();
        // What is no number is equal to nothing, and the line breaks of JSON stay in CBOR only.
        let text = |frame: &Incoming| format!("{frame:?}").replace(r"\\n", "").replace(r"\n", "");
        assert_eq!(text(&json), text(&cbor), "{name}");
        assert_ne!(json, Incoming::Unknown, "{name}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for encoding in Encoding::ALL {
        for (name, frame) in samples::client() {
            let mut out = Vec::new();
            encode_client(encoding, &frame, &mut out);
            assert_eq!(decode_client(encoding, &out), Ok(frame), "{name}");
        }
        for (name, frame) in samples::server() {
            let mut out = Vec::new();
            encode(encoding, &frame, &mut out);
            let read = decode_server(encoding, &out);
            assert_eq!(read, Ok(Incoming::Frame(frame)), "{name}");
        }
    }
}

#[test]
fn deltas_give_what_the_vectors_say() {
    for vector in read("deltas.json") {
        let patch = Patch::Binary(unhex(&vector, "patch_hex").into());
        let result = apply(&unhex(&vector, "base_hex"), &patch, 1 << 20);
        match &vector["result_hex"] {
            Value::Null => assert!(result.is_err(), "{vector}"),
            expected => assert_eq!(hex(&result.unwrap()), *expected, "{vector}"),
        }
    }
}

#[test]
fn merge_patches_give_what_the_vectors_say() {
    for vector in read("merges.json") {
        let text = |key: &str| vector[key].as_str().unwrap();
        let patch = Patch::Merge(text("patch").to_owned());
        let result = apply(text("base").as_bytes(), &patch, 1 << 20).unwrap();
        assert_eq!(
            std::str::from_utf8(&result).unwrap(),
            text("result"),
            "{vector}"
        );
    }
}
