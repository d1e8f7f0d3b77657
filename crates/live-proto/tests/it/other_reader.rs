//! What another implementation of CBOR says about ours.

use minicbor::{Decoder, Encoder};
use proptest::prelude::*;
use serde_json::Value;
use spica_live_proto::{ClientFrame, Encoding, Incoming, decode_client, decode_server, encode};

use crate::strategies::{json_value, server_frame};

type Out = Encoder<Vec<u8>>;

fn write(value: &Value, out: &mut Out) {
    match value {
        Value::Null => out.null(),
        Value::Bool(truth) => out.bool(*truth),
        Value::String(text) => out.str(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(natural), _) => out.u64(natural),
            (_, Some(whole)) => out.i64(whole),
            _ => out.f64(number.as_f64().unwrap()),
        },
        Value::Array(items) => {
            out.begin_array().unwrap();
            items.iter().for_each(|item| write(item, out));
            out.end()
        }
        Value::Object(entries) => {
            out.map(entries.len() as u64).unwrap();
            for (key, value) in entries {
                out.str(key).unwrap();
                write(value, out);
            }
            Ok(out)
        }
    }
    .unwrap();
}

proptest! {
    #[test]
    fn what_we_write_is_one_item_to_it(frame in server_frame()) {
        let mut out = Vec::new();
        encode(Encoding::Cbor, &frame, &mut out);
        let mut other = Decoder::new(&out);
        other.skip().unwrap();
        prop_assert_eq!(other.position(), out.len());
        prop_assert_eq!(decode_server(Encoding::Cbor, &out), Ok(Incoming::Frame(frame)));
    }

    #[test]
    fn what_it_writes_is_read(body in json_value()) {
        let mut out = Encoder::new(Vec::new());
        out.map(5).unwrap().str("t").unwrap().str("call").unwrap();
        out.str("id").unwrap().u8(1).unwrap().str("method").unwrap().str("PUT").unwrap();
        out.str("path").unwrap().str("/v1/x").unwrap().str("body").unwrap();
        write(&body, &mut out);
        let read = decode_client(Encoding::Cbor, out.writer());
        let Ok(ClientFrame::Call(call)) = read else { panic!("{read:?}") };
        prop_assert_eq!(call.body, Some(body));
    }
}
