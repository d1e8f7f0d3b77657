//! From an alarm of ours to a message's content.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Timestamp;

use crate::payload::{CidEvent, Payload, Qualifier, SiaEvent};
use crate::{Account, Codes, Extended, Text, Token};

/// Most characters of an alarm's text that are sent.
pub const ALARM_TEXT_CHARS: usize = 120;

/// In which codes a station wants its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Dc09Form")]
pub enum Form {
    /// SIA DC-03, in messages of the kind `SIA-DCS`.
    #[default]
    Sia,
    /// Contact ID (DC-05), in messages of the kind `ADM-CID`.
    ContactId,
}

/// What a station wants to be told, and how. What is more than the codes is off unless it is set: an
/// alarm that a receiver cannot read is worse than one that says less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Dc09Layout")]
pub struct Layout {
    /// In which codes.
    pub form: Form,
    /// Who and where, in words: behind the code of DC-03, and in an extended field (`I`) where
    /// Contact ID has no room for it. The usual is yes for DC-03 and no for Contact ID.
    pub text: Option<bool>,
    /// When it happened, in an extended field (`H`): for stations that must tell an alarm that was
    /// held up from a new one.
    pub occurred: bool,
    /// Where it happened, in two extended fields (`X`, `Y`).
    pub place: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self::of(Form::Sia)
    }
}

impl Layout {
    /// The usual layout of a form.
    #[must_use]
    pub const fn of(form: Form) -> Self {
        Self {
            form,
            text: None,
            occurred: false,
            place: false,
        }
    }

    fn has_text(self) -> bool {
        self.text.unwrap_or(self.form == Form::Sia)
    }
}

/// Something that a monitoring station has to hear of.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// The condition's name, as in [`Codes`].
    pub condition: String,
    /// Whether it begins, is over or still stands.
    pub qualifier: Qualifier,
    /// The zone, 0 to 999, if the person or unit has one at the station; else that of the condition.
    pub zone: Option<u16>,
    /// The area or partition, 0 to 99.
    pub area: u8,
    /// The number of the person or unit, 0 to 999,999, which only DC-03 can say.
    pub user: Option<u32>,
    /// Words for people: who and where. Made readable for every receiver and cut after
    /// [`ALARM_TEXT_CHARS`]; empty for none.
    pub text: String,
    /// When it happened.
    pub occurred: Timestamp,
    /// Where it happened: longitude and latitude in degrees.
    pub place: Option<(f64, f64)>,
}

/// What a message says, before it has a number and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind of message it is.
    pub token: Token,
    /// What is in the first brackets.
    pub data: Text,
    /// What is in further brackets.
    pub extended: Vec<Extended>,
}

impl Event {
    /// A supervision poll.
    #[must_use]
    pub fn null() -> Self {
        Self {
            token: Token::Null,
            data: Text::default(),
            extended: Vec::new(),
        }
    }
}

impl Alarm {
    /// The alarm in a customer's codes, saying as much as the layout asks for.
    #[must_use]
    pub fn event(&self, codes: &Codes, layout: Layout, account: &Account) -> Event {
        let code = codes.of(&self.condition);
        let zone = self.zone.unwrap_or(code.zone);
        let said = if layout.has_text() {
            self.text.as_str()
        } else {
            ""
        };
        let text = Text::ascii(said, ALARM_TEXT_CHARS);
        let extended = self.extended(layout, &text);
        let payload = match layout.form {
            Form::Sia => Payload::Sia(SiaEvent {
                code: match self.qualifier {
                    Qualifier::Restore => code.sia_restore,
                    Qualifier::New | Qualifier::Status => code.sia,
                },
                number: Some(zone),
                area: Some(u16::from(self.area)),
                user: self.user,
                text,
            }),
            Form::ContactId => Payload::Cid(CidEvent {
                qualifier: self.qualifier,
                code: code.cid,
                group: self.area,
                zone,
            }),
        };
        let (token, data) = payload.encode(account);
        Event {
            token,
            data,
            extended,
        }
    }

    fn extended(&self, layout: Layout, text: &Text) -> Vec<Extended> {
        let occurred = layout.occurred.then(|| Extended::occurred(self.occurred));
        let has_words = layout.form == Form::ContactId && !text.is_empty();
        let words = has_words.then(|| Extended::alarm_text(text.as_str(), ALARM_TEXT_CHARS));
        let place = self.place.filter(|_| layout.place);
        let place = place.and_then(|(longitude, latitude)| Extended::place(longitude, latitude));
        let place = place.into_iter().flatten();
        occurred.into_iter().chain(words).chain(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(condition: &str, qualifier: Qualifier) -> Alarm {
        Alarm {
            condition: condition.to_owned(),
            qualifier,
            zone: None,
            area: 1,
            user: Some(4711),
            text: "Müller [Süd]".to_owned(),
            occurred: "2026-11-22T05:01:23Z".parse().unwrap(),
            place: Some((8.5417, 47.3769)),
        }
    }

    fn full(form: Form) -> Layout {
        Layout {
            form,
            text: Some(true),
            occurred: true,
            place: true,
        }
    }

    fn data(alarm: &Alarm, layout: Layout) -> (String, String) {
        let event = alarm.event(&Codes::default(), layout, &"1234".parse().unwrap());
        let fields = event.extended.iter();
        let fields = fields.map(|f| format!("[{}{}]", char::from(f.letter()), f.text()));
        (format!("{} {}", event.token, event.data), fields.collect())
    }

    #[test]
    fn an_alarm_says_the_same_in_both_kinds_of_codes() {
        let new = alarm("man-down", Qualifier::New);
        let (sia, fields) = data(&new, full(Form::Sia));
        assert_eq!(sia, "SIA-DCS #1234|Nid4711/ri1/MA001|AMueller (Sued)");
        assert_eq!(fields, "[H05:01:23,11-22-2026][X008E32.502][Y47N22.614]");
        let (cid, fields) = data(&new, full(Form::ContactId));
        assert_eq!(cid, "ADM-CID #1234|1100 01 001");
        assert_eq!(
            fields,
            "[H05:01:23,11-22-2026][IMueller (Sued)][X008E32.502][Y47N22.614]"
        );
    }

    #[test]
    fn the_end_and_the_standing_of_an_alarm_have_their_own_codes() {
        let over = alarm("man-down", Qualifier::Restore);
        assert!(data(&over, Layout::of(Form::Sia)).0.contains("/MH001|"));
        assert!(
            data(&over, Layout::of(Form::ContactId))
                .0
                .ends_with("|3100 01 001")
        );
        let stands = alarm("man-down", Qualifier::Status);
        assert!(data(&stands, Layout::of(Form::Sia)).0.contains("/MA001|"));
        assert!(
            data(&stands, Layout::of(Form::ContactId))
                .0
                .ends_with("|6100 01 001")
        );
    }

    #[test]
    fn a_persons_zone_stands_before_the_conditions() {
        let mut alarm = alarm("door-open", Qualifier::New);
        alarm.zone = Some(17);
        alarm.text.clear();
        alarm.place = None;
        alarm.user = None;
        assert_eq!(
            data(&alarm, Layout::of(Form::Sia)).0,
            "SIA-DCS #1234|Nri1/UA017"
        );
        let (cid, fields) = data(&alarm, Layout::of(Form::ContactId));
        assert_eq!(cid, "ADM-CID #1234|1140 01 017");
        assert_eq!(fields, "", "nothing that nobody asked for");
    }

    #[test]
    fn words_stand_where_the_codes_have_room_unless_it_is_set() {
        let alarm = alarm("man-down", Qualifier::New);
        let (sia, _) = data(&alarm, Layout::default());
        assert!(sia.ends_with("|AMueller (Sued)"));
        assert_eq!(data(&alarm, Layout::of(Form::ContactId)).1, "");
        let layout: Layout = toml::from_str("form = \"contact-id\"\ntext = true").unwrap();
        assert_eq!(data(&alarm, layout).1, "[IMueller (Sued)]");
        let layout: Layout = toml::from_str("text = false").unwrap();
        assert!(data(&alarm, layout).0.ends_with("/MA001"));
    }

    #[test]
    fn an_alarm_with_everything_at_its_longest_fits_into_a_frame() {
        let mut longest = alarm("man-down", Qualifier::New);
        longest.text = "ä".repeat(10_000);
        longest.user = Some(u32::MAX);
        longest.zone = Some(u16::MAX);
        longest.area = u8::MAX;
        longest.place = Some((-179.999, -89.999));
        for form in [Form::Sia, Form::ContactId] {
            let account: Account = "0123456789ABCDEF".parse().unwrap();
            let event = longest.event(&Codes::default(), full(form), &account);
            assert!(
                Payload::parse(&event.token, &event.data).is_ok(),
                "{}",
                event.data
            );
            let message = crate::Message {
                token: event.token,
                sequence: crate::Sequence::LAST,
                receiver: Some("FFFFFF".parse().unwrap()),
                line: Some("FFFFFF".parse().unwrap()),
                account: Some(account),
                data: event.data,
                extended: event.extended,
                time: Some(longest.occurred),
            };
            let frame = message.encode(Some(&crate::Key::Aes256([1; 32]))).unwrap();
            assert!(frame.len() < 700, "{}", frame.len());
        }
    }
}
