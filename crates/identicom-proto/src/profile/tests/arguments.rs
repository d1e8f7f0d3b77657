//! Arguments of commands.

use super::*;

#[test]
fn named_arguments_become_the_bytes_of_the_profile() {
    use Argument::{Bytes, Number, Text};
    let profile = profile();
    let long = "é".repeat(57);
    for (name, given, want) in [
        (
            "set-check-in-interval",
            &[("minutes", Number(300))][..],
            &b"\x2c\x01"[..],
        ),
        ("take-picture", &[], b""),
        ("show-text", &[("text", Text("Hi"))], b"Hi"),
        ("show-text", &[("text", Text(&long))], long.as_bytes()),
        ("report-status", &[], b""),
        ("acknowledge-alert", &[("event", Text("man-down"))], b"\x3b"),
        ("acknowledge-alert", &[("event", Number(0x99))], b"\x99"),
        (
            "firmware-block",
            &[
                ("bytes", Bytes(b"ab")),
                ("offset", Number(2)),
                ("image", Number(1)),
            ],
            b"\x01\0\0\0\x02\0\0\0ab",
        ),
        (
            "firmware-block",
            &[
                ("image", Number(1)),
                ("offset", Number(0)),
                ("bytes", Text("1e1D")),
            ],
            b"\x01\0\0\0\0\0\0\0\x1e\x1d",
        ),
    ] {
        let command = profile.command_named(name).unwrap();
        let bytes = profile.arguments(command, given).unwrap();
        assert_eq!(bytes, want, "{name}");
        // What was written reads back, under the names it was given by.
        let values = command.read(&bytes).unwrap();
        assert!(
            values
                .map(|(n, _)| n)
                .eq(command.arguments.fields().iter().map(|f| &*f.name))
        );
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(profile.raw_arguments(command.code, &hex), Ok(bytes));
    }
    let urgent = profile.commands().iter().filter(|c| c.is_urgent);
    assert!(urgent.map(|c| &*c.name).eq(["acknowledge-alert"]));
}

#[test]
fn wrong_arguments_are_refused_with_what_is_allowed() {
    use Argument::{Bytes, Number, Text};
    let profile = profile();
    let long = "x".repeat(116);
    let block = [0; 101];
    let firmware = [
        ("image", Number(0)),
        ("offset", Number(0)),
        ("bytes", Bytes(&block)),
    ];
    for (name, given, want) in [
        (
            "set-check-in-interval",
            &[][..],
            "set-check-in-interval wants minutes: a whole number from 0 to 65535",
        ),
        (
            "set-check-in-interval",
            &[("minutes", Number(65_536))],
            "minutes of set-check-in-interval is a whole number from 0 to 65535",
        ),
        (
            "set-check-in-interval",
            &[("minutes", Text("15"))],
            "minutes of set-check-in-interval is a whole number from 0 to 65535",
        ),
        (
            "take-picture",
            &[("flash", Number(1))],
            "take-picture has no argument \"flash\"; it has no arguments",
        ),
        (
            "show-text",
            &[("text", Text(&long))],
            "text of show-text is a text of at most 115 bytes of UTF-8",
        ),
        (
            "acknowledge-alert",
            &[("event", Text("mandown"))],
            "event of acknowledge-alert is the name of an event, or its code from 0 to 255",
        ),
        (
            "firmware-block",
            &firmware,
            "bytes of firmware-block is at most 100 bytes, in hexadecimal",
        ),
        (
            "firmware-block",
            &[
                ("image", Number(0)),
                ("offset", Number(0)),
                ("bytes", Text("0")),
            ],
            "bytes of firmware-block is at most 100 bytes, in hexadecimal",
        ),
    ] {
        let command = profile.command_named(name).unwrap();
        let error = profile.arguments(command, given).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
}

#[test]
fn raw_arguments_are_checked_as_far_as_the_profile_knows_them() {
    let profile = profile();
    assert_eq!(profile.raw_arguments(99, "00fF"), Ok(vec![0, 255]));
    assert_eq!(profile.raw_arguments(1, "0f00"), Ok(vec![15, 0]));
    for hex in ["0", "0g", "é", "+1"] {
        assert_eq!(
            profile.raw_arguments(99, hex),
            Err(ArgumentError::Hex),
            "{hex}"
        );
    }
    assert!(profile.raw_arguments(99, &"00".repeat(117)).is_ok());
    assert_eq!(
        profile
            .raw_arguments(99, &"00".repeat(118))
            .unwrap_err()
            .to_string(),
        "a command to this device has at most 117 bytes of arguments; these are 118"
    );
    assert_eq!(
        profile.raw_arguments(1, "0f").unwrap_err().to_string(),
        "these 1 bytes are not the arguments of set-check-in-interval: minutes: a whole number \
         from 0 to 65535"
    );
}
