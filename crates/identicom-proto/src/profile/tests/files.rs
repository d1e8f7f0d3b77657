//! Wrong profile files.

use super::*;

/// Checks what is said about a file in which one `line` stands behind the name, or, when it begins
/// with `-`, in its place.
#[track_caller]
fn check(lines: &str, want: &str) {
    let text = match lines.strip_prefix('-') {
        Some(lines) => lines.to_owned(),
        None => format!("name = \"x\"\n{lines}"),
    };
    let error = Profile::parse(&text).unwrap_err();
    assert_eq!(error.to_string(), want, "{text}");
}

#[test]
fn wrong_values_are_said_with_their_place_and_what_is_allowed() {
    check("-", "line 1, column 1: missing field `name`");
    check(
        "-name = 1",
        "line 1, column 8: invalid type: integer `1`, expected a string",
    );
    check(
        "-name = \"A\"",
        "line 1, column 8: name of the profile \"A\": lower-case words of a to z and 0 to 9 with - \
         between them are allowed, at most 64 bytes",
    );
    check("x", "line 2, column 2: key with no value, expected `=`");
    check(
        "nam = 1",
        "line 2, column 1: unknown field `nam`, expected one of `name`, `delete_argument`, \
         `unknown_event_class`, `limits`, `timeouts`, `event`, `detail`, `command`",
    );
    check(
        "delete_argument = \"all\"",
        "line 2, column 19: delete_argument is \"all\"; allowed are \"last-index\", \"none\"",
    );
    check(
        "unknown_event_class = \"urgent\"",
        "line 2, column 23: unknown_event_class is \"urgent\"; allowed are \"critical\", \"normal\"",
    );
    for (value, said) in [("15", "15"), ("4097", "4097"), ("-1", "-1")] {
        check(
            &format!("limits.data_to_device = {value}"),
            &format!("line 2, column 25: data_to_device is {said}; 16 to 4096 are allowed"),
        );
    }
    for value in ["10", "s", "0s", "1.5s", "25h", "10 s", "-1s"] {
        check(
            &format!("timeouts.idle = \"{value}\""),
            &format!(
                "line 2, column 17: idle is {value:?}; a whole number with ms, s, m or h is \
                 allowed, from 1ms to 24h"
            ),
        );
    }
}

#[test]
fn wrong_events_are_said_with_their_place_and_what_is_allowed() {
    let event = |rest: &str| format!("[[event]]\ncode = 1\nname = \"a\"\n{rest}");
    let second = |rest: &str| event(&format!("class = \"normal\"\n[[event]]\n{rest}"));
    check(&event(""), "line 2, column 1: missing field `class`");
    check(
        &event("class = \"high\""),
        "line 5, column 9: class is \"high\"; allowed are \"critical\", \"normal\"",
    );
    check(
        "[[event]]\ncode = 256\nname = \"a\"\nclass = \"normal\"",
        "line 3, column 8: event code is 256; 0 to 255 are allowed",
    );
    check(
        "[[event]]\ncode = 1\nname = \"unknown-x\"\nclass = \"normal\"",
        "line 4, column 8: event name \"unknown-x\": names with unknown- in front are for codes \
         that have no table",
    );
    check(
        &second("code = 1\nname = \"b\"\nclass = \"normal\""),
        "line 7, column 8: event code 0x01 is here twice",
    );
    check(
        &second("code = 2\nname = \"a\"\nclass = \"normal\""),
        "line 8, column 8: event name \"a\" is here twice",
    );
    let case = |case: &str| event(&format!("class = \"normal\"\ncase = {case}"));
    for wrong in [
        "{}",
        "{ raise = \"x\" }",
        "{ raise = \"x\", clear = \"x\" }",
        "{ start = \"x\", severity = \"low\" }",
    ] {
        check(
            &case(wrong),
            "line 6, column 8: a case is one of { raise, severity }, { clear }, { start, severity, \
             after }, { stop }",
        );
    }
    check(
        &case("{ raise = \"x\", severity = \"bad\" }"),
        "line 6, column 34: severity is \"bad\"; allowed are \"low\", \"medium\", \"high\", \
         \"emergency\"",
    );
    check(
        &case("{ raise = \" x\", severity = \"low\" }"),
        "line 6, column 18: case \" x\": 1 to 64 bytes without control characters or spaces around \
         them are allowed",
    );
    check(
        &case("{ start = \"x\", severity = \"low\", after = \"y\" }"),
        "line 6, column 49: after (a detail of one whole number) is \"y\"; there is nothing that it \
         could be",
    );
    check(
        &case("{ clear = \"x\" }"),
        "line 6, column 8: no event raises the case that a ends",
    );
    check(
        &case("{ stop = \"x\" }"),
        "line 6, column 8: no event starts the case that a ends",
    );
}

#[test]
fn wrong_layouts_are_said_with_their_place_and_what_is_allowed() {
    let detail = |rest: &str| format!("[[detail]]\ntag = 1\nname = \"a\"\n{rest}");
    check(
        &detail("type = \"u64\""),
        "line 5, column 8: type is \"u64\"; allowed are \"u8\", \"u16\", \"u32\", \"i8\", \"i16\", \
         \"i32\", \"text\", \"bytes\", \"event\"",
    );
    for rest in [
        "",
        "fields = []",
        "type = \"u8\"\nfields = [{ name = \"b\", type = \"u8\" }]",
    ] {
        check(
            &detail(rest),
            "line 4, column 8: detail \"a\" wants either a type or fields, at least one",
        );
    }
    check(
        &detail("type = \"event\""),
        "line 5, column 8: type \"event\" is for arguments of commands only",
    );
    check(
        &detail("type = \"text\"\ndecimals = 1"),
        "line 5, column 8: type \"text\" has no decimals here: only numbers of details have",
    );
    check(
        &detail("type = \"u8\"\ndecimals = 10"),
        "line 6, column 12: decimals is 10; 1 to 9 are allowed",
    );
    check(
        &detail("fields = [{ name = \"b\", type = \"text\" }, { name = \"c\", type = \"u8\" }]"),
        "line 5, column 51: only the last field may be text or bytes: they take all the rest",
    );
    check(
        &detail("fields = [{ name = \"b-c\", type = \"u8\" }]"),
        "line 5, column 20: field \"b-c\": lower-case words of a to z and 0 to 9 with _ between \
         them are allowed, at most 64 bytes",
    );
    check(
        "[[detail]]\ntag = 1\nname = \"other\"\ntype = \"u8\"",
        "line 4, column 8: detail \"other\": this name is for details that have no table",
    );
    let many: String = (0..64)
        .map(|i| format!("{{ name = \"f{i}\", type = \"u32\" }},"))
        .collect();
    check(
        &detail(&format!("fields = [{many}]")),
        "line 4, column 8: detail \"a\" has more than 255 bytes",
    );
}

#[test]
fn wrong_commands_are_said_with_their_place_and_what_is_allowed() {
    let command =
        |arguments: &str| format!("[[command]]\ncode = 1\nname = \"a\"\narguments = [{arguments}]");
    check(
        &command("{ name = \"b\", type = \"text\" }"),
        "line 5, column 35: type \"text\" wants max_bytes",
    );
    check(
        &command("{ name = \"b\", type = \"u8\", max_bytes = 1 }"),
        "line 5, column 35: type \"u8\" has no max_bytes here: only text and bytes of commands have",
    );
    check(
        &command("{ name = \"b\", type = \"u8\", decimals = 1 }"),
        "line 5, column 35: type \"u8\" has no decimals here: only numbers of details have",
    );
    check(
        &command("{ name = \"b\", type = \"u8\" }, { name = \"b\", type = \"u8\" }"),
        "line 5, column 52: field \"b\" is here twice",
    );
    assert!(
        Profile::parse(&format!(
            "name = \"x\"\n{}",
            command("{ name = \"b\", type = \"text\", max_bytes = 117 }")
        ))
        .is_ok()
    );
    check(
        &command("{ name = \"b\", type = \"text\", max_bytes = 118 }"),
        "line 4, column 8: the arguments have up to 118 bytes; a frame to the device has room for \
         117 (data_to_device less 3)",
    );
}
