//! Fuzz target: profile files. The text up to the first NUL is a profile; what stands behind it is
//! read as the detail of an event and as the arguments of each command.

use spica_identicom_proto::profile::{DetailItem, Profile};

/// Runs the target on one input.
///
/// # Panics
/// If an error does not point into the text, or a profile that was accepted breaks its own rules.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (text, rest) = data.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match Profile::parse(text) {
        Ok(profile) => check(&profile, rest.get(1..).unwrap_or_default()),
        Err(error) => {
            assert!(error.span.start <= text.len());
            assert!(error.line <= 1 + text.matches('\n').count());
            assert!(!error.message.is_empty());
        }
    }
}

fn check(profile: &Profile, bytes: &[u8]) {
    for event in profile.events() {
        assert_eq!(profile.event(event.code), Some(event));
        assert_eq!(profile.event_named(&event.name), Some(event));
        assert_eq!(profile.lane(event.code), event.lane);
    }
    for code in 0..=255 {
        let name = profile.event_name(code);
        assert!(!name.is_empty() && !name.contains(['/', '+', '#']));
    }
    for item in profile.details(bytes) {
        if let DetailItem::Known(detail, values) = item {
            assert_eq!(values.count(), detail.layout.fields().len());
        }
    }
    for command in profile.commands() {
        assert_eq!(profile.command(command.code), Some(command));
        assert!(command.arguments.bytes().1 <= profile.arguments_max());
        if let Some(values) = command.read(bytes) {
            assert_eq!(values.count(), command.arguments.fields().len());
        }
    }
}
