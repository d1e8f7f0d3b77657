//! Events inside a message's data: in codes of DC-03 behind `SIA-DCS`, in Contact ID behind
//! `ADM-CID`.

use crate::codes::{CidCode, MAX_ZONE, SiaCode};
use crate::{Account, Text, Token};

/// The highest zone that DC-03 can say.
const MAX_SIA_NUMBER: u16 = 9_999;
/// Most characters of a text that are written behind a code, so that everything before it fits too.
pub const EVENT_TEXT_CHARS: usize = 900;
/// The highest area that a receiver can be expected to show.
const MAX_AREA: u16 = 999;
/// The highest group of Contact ID.
const MAX_GROUP: u8 = 99;
/// The highest user number that is said.
const MAX_USER: u32 = 999_999;

/// Whether a condition begins, is over, or still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// It begins: 1 in Contact ID.
    New,
    /// It is over: 3.
    Restore,
    /// It was reported before and still stands: 6.
    Status,
}

impl Qualifier {
    const fn digit(self) -> u8 {
        match self {
            Self::New => b'1',
            Self::Restore => b'3',
            Self::Status => b'6',
        }
    }

    const fn from_digit(digit: u8) -> Option<Self> {
        match digit {
            b'1' => Some(Self::New),
            b'3' => Some(Self::Restore),
            b'6' => Some(Self::Status),
            _ => None,
        }
    }
}

/// An event in codes of DC-03: `Nid7/ri1/MA001|Atext`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiaEvent {
    /// What happened.
    pub code: SiaCode,
    /// The zone, or what else the code speaks of: 0 to 9999.
    pub number: Option<u16>,
    /// The area or partition (`ri`): 0 to 999.
    pub area: Option<u16>,
    /// The user or unit (`id`): 0 to 999,999.
    pub user: Option<u32>,
    /// Words for people.
    pub text: Text,
}

/// An event in Contact ID: `1100 01 001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CidEvent {
    /// Whether it begins, is over or still stands.
    pub qualifier: Qualifier,
    /// What happened.
    pub code: CidCode,
    /// The group or partition: 0 to 99.
    pub group: u8,
    /// The zone, or the user: 0 to 999.
    pub zone: u16,
}

/// What a message's data says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Nothing but that the line works.
    Nothing,
    /// An event in codes of DC-03.
    Sia(SiaEvent),
    /// An event in Contact ID.
    Cid(CidEvent),
}

/// Why data is no event. A receiver says `DUH` to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A kind of message that is not spoken here.
    #[error("messages of the kind {0:?} are not spoken here, only SIA-DCS, ADM-CID and NULL")]
    Token(Token),
    /// No event of DC-03.
    #[error("the data is no event of DC-03, which is like #1234|Nri1/MA001")]
    Sia,
    /// No event of Contact ID.
    #[error("the data is no event of Contact ID, which is like #1234|1100 01 001")]
    Cid,
}

impl Payload {
    /// Reads the data of a message of this kind. The account before the `|`, which repeats that of
    /// the head, is passed over.
    ///
    /// # Errors
    /// With what it should have been.
    pub fn parse(token: &Token, data: &Text) -> Result<Self, PayloadError> {
        let data = data.as_str();
        let event = match data.strip_prefix('#').and_then(|rest| rest.split_once('|')) {
            Some((_, event)) => event,
            None => data,
        };
        match token {
            Token::Null => Ok(Self::Nothing),
            Token::SiaDcs => sia(event).map(Self::Sia).ok_or(PayloadError::Sia),
            Token::AdmCid => cid(event).map(Self::Cid).ok_or(PayloadError::Cid),
            other => Err(PayloadError::Token(other.clone())),
        }
    }

    /// The kind of message, and its data. A text is cut after [`EVENT_TEXT_CHARS`]; a number that is
    /// too high is the highest one.
    #[must_use]
    pub fn encode(&self, account: &Account) -> (Token, Text) {
        let (token, event) = match self {
            Self::Nothing => return (Token::Null, Text::default()),
            Self::Sia(event) => (Token::SiaDcs, sia_text(event)),
            Self::Cid(event) => (Token::AdmCid, cid_text(event)),
        };
        let data = format!("#{account}|{event}");
        // Account, numbers and codes are plain, and the text was a `Text` before it was cut.
        (token, Text::new(&data).unwrap_or_default())
    }
}

fn sia_text(event: &SiaEvent) -> String {
    let mut made = String::from("N");
    if let Some(user) = event.user {
        made.push_str(&format!("id{}/", user.min(MAX_USER)));
    }
    if let Some(area) = event.area {
        made.push_str(&format!("ri{}/", area.min(MAX_AREA)));
    }
    made.push_str(&event.code.to_string());
    if let Some(number) = event.number {
        made.push_str(&format!("{:03}", number.min(MAX_SIA_NUMBER)));
    }
    if !event.text.is_empty() {
        made.push_str("|A");
        made.extend(event.text.as_str().chars().take(EVENT_TEXT_CHARS));
    }
    made
}

fn cid_text(event: &CidEvent) -> String {
    format!(
        "{}{} {:02} {:03}",
        char::from(event.qualifier.digit()),
        event.code,
        event.group.min(MAX_GROUP),
        event.zone.min(MAX_ZONE)
    )
}

/// Reads modifiers (two small letters and a value, perhaps with `/` behind), a code, a number and a
/// text, which stands behind `|A` or between `^`.
fn sia(event: &str) -> Option<SiaEvent> {
    let mut rest = event.strip_prefix('N').or(event.strip_prefix('O'))?;
    let (mut area, mut user) = (None, None);
    while let Some((name, value, behind)) = modifier(rest) {
        match name {
            "ri" => area = value.parse().ok().filter(|area| *area <= MAX_AREA),
            "id" => user = value.parse().ok().filter(|user| *user <= MAX_USER),
            _ => {}
        }
        rest = behind;
    }
    let (code, rest) = rest.split_at_checked(2)?;
    let (number, rest) = digits(rest);
    let number = match number {
        "" => None,
        digits => Some(digits.parse().ok().filter(|n| *n <= MAX_SIA_NUMBER)?),
    };
    let text = match rest.strip_prefix("|A") {
        Some(text) => text,
        None => rest.trim_matches('^').trim(),
    };
    Some(SiaEvent {
        code: code.parse().ok()?,
        number,
        area,
        user,
        text: Text::new(text).ok()?,
    })
}

fn modifier(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_at_checked(2)?;
    if !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':');
    let (value, rest) = rest.split_at(end.unwrap_or(rest.len()));
    Some((name, value, rest.strip_prefix('/').unwrap_or(rest)))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn cid(event: &str) -> Option<CidEvent> {
    let mut parts = event.split(' ');
    let (what, group, zone) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || group.len() != 2 || zone.len() != 3 {
        return None;
    }
    let (qualifier, code) = what.as_bytes().split_first()?;
    let number = |text: &str| digits(text).1.is_empty().then(|| text.parse::<u16>().ok());
    Some(CidEvent {
        qualifier: Qualifier::from_digit(*qualifier)?,
        code: CidCode::new(code.try_into().ok()?)?,
        group: u8::try_from(number(group)??).ok()?,
        zone: number(zone)??,
    })
}

#[cfg(test)]
mod tests;
