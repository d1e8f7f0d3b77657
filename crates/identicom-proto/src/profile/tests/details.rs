//! Details of events.

use super::*;

/// The names and values of a detail, and what is left over.
fn details(detail: &[u8]) -> Vec<String> {
    let profile = profile();
    let show = |item: DetailItem<'_, '_>| match item {
        DetailItem::Known(detail, values) => {
            let values: Vec<_> = values.map(|(name, v)| format!("{name}={v:?}")).collect();
            format!("{}: {}", detail.name, values.join(" "))
        }
        DetailItem::Other { tag, bytes } => format!("{tag:02x} {bytes:02x?}"),
    };
    profile.details(detail).map(show).collect()
}

#[test]
fn details_read_as_the_profile_lays_them_out() {
    for (detail, want) in [
        (
            &b"\x01\x01\x50"[..],
            "battery_percent: battery_percent=Integer(80)",
        ),
        (b"\x02\x01\xa7", "signal_dbm: signal_dbm=Integer(-89)"),
        (
            b"\x03\x08\x2a\x21\x3a\x1c\xff\xff\xff\xff",
            "location: latitude=Decimal { mantissa: 473571626, decimals: 7 } \
             longitude=Decimal { mantissa: -1, decimals: 7 }",
        ),
        (
            b"\x04\x0a\xe4\0\x01\0\x02\x01\x04\x03\x02\x01",
            "cell: mcc=Integer(228) mnc=Integer(1) lac=Integer(258) cell=Integer(16909060)",
        ),
        (b"\x05\x03\xc3\xa9!", "text: text=Text(\"é!\")"),
        (b"\x05\x00", "text: text=Text(\"\")"),
        (b"\x06\x02\x2c\x01", "minutes: minutes=Integer(300)"),
    ] {
        assert_eq!(details(detail), [want]);
    }
    let values = details(b"\x01\x01\x50\x07\x00\x02\x01\xa7");
    assert_eq!(values.len(), 3);
    assert_eq!(details(b""), [""; 0]);
}

#[test]
fn details_that_are_not_as_they_should_be_are_kept_as_bytes() {
    for (detail, want) in [
        (&b"\x09\x02\x01\x02"[..], "09 [01, 02]"),
        (b"\x01\x02\x50\x51", "01 [50, 51]"),
        (b"\x05\x01\xff", "05 [ff]"),
        // The value, or its length, is cut off.
        (b"\x05\x03ab", "05 [61, 62]"),
        (b"\x05", "05 []"),
    ] {
        assert_eq!(details(detail), [want]);
    }
}

#[test]
fn decimals_become_the_nearest_number() {
    let value = Value::Decimal {
        mantissa: 473_571_626,
        decimals: 7,
    };
    assert_eq!(value.as_f64(), Some(47.357_162_6));
    assert_eq!(Value::Integer(-89).as_f64(), Some(-89.0));
    assert_eq!(Value::Text("1").as_f64(), None);
}
