//! Delivery receipts: what the message centre says became of a message.
//!
//! ```text
//! id:0123456789 sub:001 dlvrd:001 submit date:2611221140 done date:2611221141 stat:DELIVRD err:000 text:...
//! ```
//!
//! SMPP 3.4 leaves this text to the vendor (appendix B); what is relied on is `id:` and `stat:`. The
//! optional parameters `receipted_message_id` and `message_state` go before the text.

/// What is read of a text at most; the rest is the beginning of the message itself.
const READ_BYTES: usize = 512;
/// The longest identifier of a message that SMPP knows, without its end.
const ID_BYTES: usize = 64;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// On its way still: no last word.
    Pending,
    /// In the phone.
    Arrived,
    /// Not delivered in time; another attempt may do.
    Expired,
    /// Not delivered, and it will not be.
    Failed,
    /// The message centre does not know.
    Unknown,
}

impl Fate {
    /// From the word of a receipt's text, such as `DELIVRD`.
    fn from_word(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "DELIVRD" => Self::Arrived,
            // By the standard a clerk has read it to somebody; vendors say it of their own queue.
            "ENROUTE" | "SCHEDUL" | "SCHEDLD" | "ACCEPTD" => Self::Pending,
            "EXPIRED" => Self::Expired,
            "UNDELIV" | "REJECTD" | "DELETED" => Self::Failed,
            _ => Self::Unknown,
        }
    }

    /// From the optional parameter `message_state`.
    pub(super) const fn from_state(state: u8) -> Self {
        match state {
            0 | 1 | 6 => Self::Pending,
            2 => Self::Arrived,
            3 => Self::Expired,
            4 | 5 | 8 => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The message's identifier, as the message centre writes it here.
    pub(super) id: String,
    /// What became of the message.
    pub(super) fate: Fate,
    /// The word or number that said so, and the network's error: `DELIVRD`, `UNDELIV, error 027`.
    pub(super) words: String,
}

impl Receipt {
    /// Reads the text of a receipt; none if it has no identifier and no state.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(&text[..text.len().min(READ_BYTES)]);
        let id = field(&text, "id:").filter(|id| id.len() <= ID_BYTES)?;
        let stat = field(&text, "stat:").filter(|stat| stat.len() <= ID_BYTES)?;
        let error = field(&text, "err:").filter(|error| error.len() <= ID_BYTES);
        let words = match error {
            Some(error) if error.chars().any(|c| c != '0') => format!("{stat}, error {error}"),
            _ => stat.to_owned(),
        };
        Some(Self {
            id: id.to_owned(),
            fate: Fate::from_word(stat),
            words,
        })
    }
}

/// The word after `name`, which stands at the beginning or after a space. The message's own text
/// comes last and may say anything, so nothing is looked for behind `text:`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let end = find(text, "text:").unwrap_or(text.len());
    let text = &text[..end];
    let at = find(text, name)? + name.len();
    let word = text[at..].split_whitespace().next()?;
    let word = word.trim_matches(|c: char| !c.is_ascii_graphic());
    (!word.is_empty()).then_some(word)
}

/// Where a name stands, in whatever case, at the beginning of a word.
fn find(text: &str, name: &str) -> Option<usize> {
    let at_word = |at: &usize| *at == 0 || text.as_bytes()[*at - 1].is_ascii_whitespace();
    let same = |at: &usize| {
        let there = text.as_bytes().get(*at..*at + name.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(name.as_bytes()))
    };
    (0..text.len()).filter(at_word).find(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Fate, String)> {
        let receipt = Receipt::parse(text.as_bytes())?;
        Some((receipt.id, receipt.fate, receipt.words))
    }

    fn says(id: &str, fate: Fate, words: &str) -> Option<(String, Fate, String)> {
        Some((id.to_owned(), fate, words.to_owned()))
    }

    #[test]
    fn receipts_are_read_as_vendors_write_them() {
        let usual = "id:0123456789 sub:001 dlvrd:001 submit date:2611221140 \
                     done date:2611221141 stat:DELIVRD err:000 text:Man down";
        assert_eq!(read(usual), says("0123456789", Fate::Arrived, "DELIVRD"));
        let failed = "id:ab-7F sub:001 dlvrd:000 stat:UNDELIV err:027 Text:";
        assert_eq!(
            read(failed),
            says("ab-7F", Fate::Failed, "UNDELIV, error 027")
        );
        assert_eq!(
            read("ID:1 STAT:expired"),
            says("1", Fate::Expired, "expired")
        );
        assert_eq!(
            read("id:1 stat:ENROUTE"),
            says("1", Fate::Pending, "ENROUTE")
        );
        assert_eq!(read("id:1 stat:GONE"), says("1", Fate::Unknown, "GONE"));
        assert_eq!(
            read("id: 1 stat: DELIVRD"),
            says("1", Fate::Arrived, "DELIVRD")
        );
    }

    #[test]
    fn what_is_no_receipt_is_none() {
        let long = format!("id:{} stat:DELIVRD", "1".repeat(65));
        let late = format!("{}id:1 stat:DELIVRD", " ".repeat(READ_BYTES));
        for text in [
            "",
            "id:",
            "id:1",
            "stat:DELIVRD",
            "Help me, stat!",
            &long,
            &late,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        // What somebody wrote into a message is not taken for the centre's word.
        assert_eq!(read("id:1 text:id:2 stat:DELIVRD"), None);
        assert_eq!(read("sms-id:1 stat:DELIVRD"), None);
        assert_eq!(Receipt::parse(&[0xff; 600]), None);
    }

    #[test]
    fn states_have_the_numbers_of_the_standard() {
        let fates = (0..=9).map(Fate::from_state).collect::<Vec<_>>();
        use Fate::{Arrived, Expired, Failed, Pending, Unknown};
        assert_eq!(
            fates,
            [
                Pending, Pending, Arrived, Expired, Failed, Failed, Pending, Unknown, Failed,
                Unknown
            ]
        );
    }
}
