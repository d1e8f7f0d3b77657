//! A message as an event of a monitoring station.

use spica_alerts::{Message, Reason};
use spica_cases::Severity;
use spica_dc09_proto::payload::Qualifier;
use spica_dc09_proto::{Account, Alarm, Codes, Event, Layout};

/// In which words a station is told.
#[derive(Debug)]
pub(super) struct Style {
    pub(super) codes: Codes,
    pub(super) layout: Layout,
    pub(super) area: u8,
}

/// Whether it goes before others.
pub(super) fn is_urgent(message: &Message) -> bool {
    message.case.severity == Severity::Emergency
}

impl Style {
    /// The event: new as long as somebody is wanted, a restore when it is over.
    pub(super) fn event(&self, message: &Message, account: &Account) -> Event {
        let case = &message.case;
        let (qualifier, occurred) = match message.reason {
            // To the station each is news: an escalation may be the first that it hears.
            Reason::Raised | Reason::Escalated | Reason::Repeated | Reason::Test => {
                (Qualifier::New, case.happened_at.unwrap_or(case.received_at))
            }
            Reason::Cleared | Reason::Closed => {
                (Qualifier::Restore, case.cleared_at.unwrap_or(message.at))
            }
        };
        let alarm = Alarm {
            condition: case.condition.clone(),
            qualifier,
            zone: None,
            area: self.area,
            user: user(&case.source),
            text: message.subject.clone(),
            occurred,
            place: place(&case.detail),
        };
        alarm.event(&self.codes, self.layout, account)
    }
}

/// The number of a device, from its serial number.
fn user(source: &str) -> Option<u32> {
    let serial = source.strip_prefix("devices/")?;
    let is_number = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit());
    let number = serial.parse().ok().filter(|_| is_number);
    number.filter(|number| *number <= 999_999)
}

/// Longitude and latitude of an event.
fn place(detail: &serde_json::Value) -> Option<(f64, f64)> {
    let degrees = |name: &str| detail.get("location")?.get(name)?.as_f64();
    degrees("longitude").zip(degrees("latitude"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_cases::Case;
    use spica_notify::contract::message;
    use std::sync::Arc;

    fn said(message: &Message) -> String {
        let style = Style {
            codes: super::super::settings::with_test(Codes::default()),
            layout: Layout {
                occurred: true,
                place: true,
                ..Layout::default()
            },
            area: 1,
        };
        let event = style.event(message, &"1234".parse().unwrap());
        let fields = event.extended.iter();
        let fields = fields.map(|f| format!("[{}{}]", char::from(f.letter()), f.text()));
        format!("{}{}", event.data, fields.collect::<String>())
    }

    fn about(reason: Reason, change: impl FnOnce(&mut Case)) -> Message {
        let mut case = Case::clone(&message(17, 1).case);
        change(&mut case);
        Message {
            reason,
            case: Arc::new(case),
            ..message(17, 1)
        }
    }

    #[test]
    fn a_raise_is_new_and_a_clear_is_a_restore() {
        for reason in [Reason::Raised, Reason::Escalated, Reason::Repeated] {
            let said = said(&about(reason, |_| ()));
            assert!(
                said.starts_with("#1234|Nid12345/ri1/MA001|AEMERGENCY: Man down"),
                "{said}"
            );
            assert!(said.ends_with("[H09:00:00,11-22-2026]"), "{said}");
        }
        let cleared = |case: &mut Case| case.cleared_at = "2026-11-22T10:00:00Z".parse().ok();
        for reason in [Reason::Cleared, Reason::Closed] {
            let said = said(&about(reason, cleared));
            assert!(said.contains("/MH001|"), "{said}");
            assert!(said.ends_with("[H10:00:00,11-22-2026]"), "{said}");
        }
    }

    #[test]
    fn a_place_goes_along_and_a_test_is_no_alarm() {
        let located = about(Reason::Raised, |case| {
            case.detail =
                serde_json::json!({"location": {"longitude": 8.5417, "latitude": 47.3769}});
        });
        assert!(
            said(&located).ends_with("[X008E32.502][Y47N22.614]"),
            "{}",
            said(&located)
        );
        let test = about(Reason::Test, |case| case.condition = "test".to_owned());
        assert!(said(&test).contains("/RX"), "{}", said(&test));
    }

    #[test]
    fn only_serial_numbers_are_users() {
        assert_eq!(user("devices/0012345"), Some(12_345));
        for source in [
            "devices/1000000",
            "devices/ab1",
            "devices/",
            "devices/+1",
            "plant/1",
        ] {
            assert_eq!(user(source), None, "{source}");
        }
    }
}
