//! What the payloads look like, and what readers bear.

use proptest::prelude::*;
use spica_model::Timestamp;

use crate::{CheckIn, Command, CommandState, Registration, Serial};

const AT: Timestamp = Timestamp::from_secs(1_700_000_000);

fn serial() -> Serial {
    Serial::new("7").unwrap()
}

#[test]
fn a_registration_looks_as_documented() {
    let json = String::from_utf8(Registration::default().encode(AT)).unwrap();
    assert_eq!(
        json,
        r#"{"name":null,"enabled":true,"check_in_minutes":30,"grace_minutes":5,"customer":null,"note":null,"allowed_versions":[],"registered_at":"2023-11-14T22:13:20.000000Z"}"#
    );
}

#[test]
fn readers_bear_missing_and_unknown_fields() {
    let (registration, since) =
        Registration::decode(br#"{"enabled":false,"colour":"red"}"#).unwrap();
    assert!(!registration.enabled);
    assert_eq!((registration.check_in_minutes, since), (30, None));
    let check_in = CheckIn::decode(br#"{"software_version":"1.0","battery":3}"#).unwrap();
    assert_eq!(check_in.software_version, "1.0");
}

#[test]
fn what_is_not_a_payload_says_so() {
    let check = |payload: &str, says: &str| {
        let error = Command::decode(serial(), 1, payload.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    };
    let command = r#"{"id":1,"code":2,"name":"x","arguments":"A","state":"S","queued_at":"2026-01-01T00:00:00Z","expires_at":"2026-01-01T00:00:00Z"}"#;
    check("{", "command: EOF");
    check(
        &command.replace("\"id\":1", "\"id\":2"),
        "it has id 2, its topic 1",
    );
    check(command, "arguments \"A\" are not hex");
    check(
        &command.replace("\"A\"", "\"\""),
        "\"S\" is none of queued, sent",
    );
    check(
        &command.replace("2026-01-01T00", "2026"),
        "a time looks like",
    );
}

proptest! {
    #[test]
    fn commands_read_back(
        (id, code, arguments, state) in (any::<u16>(), any::<u8>(), any::<Vec<u8>>(), 0usize..6),
        (queued, expires, sent, settled) in (any::<u32>(), any::<u32>(), any::<Option<u32>>(), any::<Option<u32>>()),
        (name, by, attempts, result) in (any::<String>(), any::<String>(), any::<u32>(), any::<Option<u8>>()),
    ) {
        let command = Command {
            serial: serial(), id, code, name, arguments, by, attempts, result,
            state: CommandState::ALL[state],
            queued_at: Timestamp::from_secs(queued),
            expires_at: Timestamp::from_secs(expires),
            sent_at: sent.map(Timestamp::from_secs),
            settled_at: settled.map(Timestamp::from_secs),
        };
        prop_assert_eq!(Command::decode(serial(), id, &command.encode()), Ok(command));
    }

    #[test]
    fn registrations_read_back(
        name in any::<Option<String>>(), enabled: bool, check_in_minutes: u16,
        allowed_versions in prop::collection::vec(any::<String>(), 0..4),
    ) {
        let registration = Registration {
            name, enabled, check_in_minutes, allowed_versions, ..Registration::default()
        };
        prop_assert_eq!(Registration::decode(&registration.encode(AT)), Ok((registration, Some(AT))));
    }

    #[test]
    fn no_bytes_crash_a_reader(payload: Vec<u8>) {
        let _ = Command::decode(serial(), 1, &payload);
        let _ = Registration::decode(&payload);
        let _ = CheckIn::decode(&payload);
    }
}
