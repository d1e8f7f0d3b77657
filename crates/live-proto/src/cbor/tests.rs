use serde_json::{Value, json};

use super::*;

fn unhex(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn read(hex: &str) -> Option<Value> {
    let item = unhex(hex);
    check(&item, 8).unwrap();
    value(&item)
}

#[test]
fn the_examples_of_the_standard_are_read() {
    for (hex, expected) in [
        ("00", json!(0)),
        ("17", json!(23)),
        ("1818", json!(24)),
        ("1903e8", json!(1000)),
        ("1a000f4240", json!(1_000_000)),
        ("1bffffffffffffffff", json!(u64::MAX)),
        ("20", json!(-1)),
        ("3903e7", json!(-1000)),
        ("3b7fffffffffffffff", json!(i64::MIN)),
        ("f90000", json!(0.0)),
        ("f98000", json!(-0.0)),
        ("f93c00", json!(1.0)),
        ("f93e00", json!(1.5)),
        ("f97bff", json!(65504.0)),
        ("f90001", json!(5.960464477539063e-8)),
        ("f90400", json!(0.00006103515625)),
        ("f9c400", json!(-4.0)),
        ("fb3ff199999999999a", json!(1.1)),
        ("fa47c35000", json!(100_000.0)),
        ("fa7f7fffff", json!(3.4028234663852886e+38)),
        ("fb7e37e43c8800759c", json!(1.0e+300)),
        ("f4", json!(false)),
        ("f5", json!(true)),
        ("f6", json!(null)),
        ("60", json!("")),
        ("6161", json!("a")),
        ("64f0908591", json!("\u{10151}")),
        ("80", json!([])),
        ("8301820203820405", json!([1, [2, 3], [4, 5]])),
        ("a0", json!({})),
        ("a26161016162820203", json!({"a": 1, "b": [2, 3]})),
        ("7f657374726561646d696e67ff", json!("streaming")),
        ("9fff", json!([])),
        ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
        ("83019f0203ff820405", json!([1, [2, 3], [4, 5]])),
        ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
    ] {
        assert_eq!(read(hex), Some(expected), "{hex}");
    }
}

#[test]
fn what_json_does_not_have_is_no_value() {
    for hex in [
        "f97c00",
        "f97e00",
        "fb7ff0000000000000",
        "f7",
        "f0",
        "f8ff",
        "c249010000000000000000",
        "3bffffffffffffffff",
        "4401020304",
        "5f42010243030405ff",
        "a201020304",
        "81f7",
    ] {
        assert_eq!(read(hex), None, "{hex}");
    }
    assert_eq!(
        bytes(&unhex("5f42010243030405ff")).unwrap(),
        &[1u8, 2, 3, 4, 5][..]
    );
}

#[test]
fn what_is_not_well_formed_is_refused() {
    // RFC 8949, appendix F.
    for hex in [
        "18",
        "19",
        "1a",
        "1b",
        "1901",
        "38",
        "58",
        "78",
        "98",
        "9a01ff00",
        "b8",
        "d8",
        "f8",
        "f900",
        "41",
        "61",
        "5affffffff00",
        "5f4100",
        "7f6100",
        "81",
        "8200",
        "a1",
        "a20102",
        "a100",
        "c0",
        "9f",
        "9f0102",
        "bf",
        "bf01020102",
        "819f",
        "9f8000",
        "1c",
        "1d",
        "1e",
        "3c",
        "5c",
        "7c",
        "9c",
        "bc",
        "dc",
        "fc",
        "f800",
        "f818",
        "f81f",
        "5f00ff",
        "5f6100ff",
        "5f80ff",
        "7f4100ff",
        "5f5f4100ffff",
        "ff",
        "81ff",
        "8200ff",
        "a1ff",
        "a1ff00",
        "a100ff",
        "9f81ff",
        "bf00ff",
        "bf000000ff",
        "1f",
        "3f",
        "df",
        "0000",
    ] {
        assert!(check(&unhex(hex), 8).is_err(), "{hex}");
    }
}
