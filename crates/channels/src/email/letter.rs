//! A message as a mail.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message as Mail;
use lettre::address::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use sha2::{Digest as _, Sha256};
use spica_alerts::Message;
use spica_cases::Severity;

use crate::answer;

/// Headers of every mail: a machine wrote it, and nobody's holiday notice should answer.
const AUTOMATIC: [(&str, &str); 2] = [
    ("Auto-Submitted", "auto-generated"),
    ("X-Auto-Response-Suppress", "All"),
];
/// What mail programs know of urgency.
const URGENT: [(&str, &str); 3] = [
    ("X-Priority", "1 (Highest)"),
    ("Importance", "high"),
    ("Priority", "urgent"),
];

/// Writes the mail.
///
/// # Errors
/// Why the message can be no mail: its address is none.
pub(super) fn write(
    message: &Message,
    from: &Mailbox,
    reply_to: Option<&Mailbox>,
) -> Result<Mail, String> {
    let address = message.address.parse::<Address>();
    let address =
        address.map_err(|error| format!("{:?} is no mail address: {error}", message.address))?;
    let host = from.email.domain();
    let mut mail = Mail::builder()
        .from(from.clone())
        .to(Mailbox::new(name(message), address))
        .subject(answer::line(&message.subject))
        .date(UNIX_EPOCH + since_epoch(message))
        .message_id(Some(message_id(message, host)))
        .references(case_id(message, host))
        .header(ContentType::TEXT_PLAIN);
    if let Some(reply_to) = reply_to {
        mail = mail.reply_to(reply_to.clone());
    }
    mail = with(mail, &AUTOMATIC);
    if message.case.severity == Severity::Emergency && message.reason.wants_somebody() {
        mail = with(mail, &URGENT);
    }
    mail.body(text(message))
        .map_err(|error| format!("it can be no mail: {error}"))
}

/// The person's name in one line: lettre panics on control characters in a name.
fn name(message: &Message) -> Option<String> {
    let name = message.person.as_deref().map(answer::line);
    name.filter(|name| !name.is_empty())
}

fn with(mut mail: MessageBuilder, headers: &[(&'static str, &str)]) -> MessageBuilder {
    for (name, value) in headers {
        let name = HeaderName::new_from_ascii_str(name);
        mail = mail.raw_header(HeaderValue::new(name, (*value).to_owned()));
    }
    mail
}

/// The body, and the link if it is not in there already.
fn text(message: &Message) -> String {
    match &message.link {
        Some(link) if !message.body.contains(link.as_str()) => {
            format!("{}\n\n{link}\n", message.body.trim_end())
        }
        _ => message.body.clone(),
    }
}

fn since_epoch(message: &Message) -> Duration {
    Duration::from_micros(u64::try_from(message.at.as_micros()).unwrap_or(0))
}

/// The same on every attempt, and of no other message: the digest covers the whole key.
fn message_id(message: &Message, host: &str) -> String {
    let notice = message.notice.to_string().replace('/', ".");
    format!("<{notice}.{}@{host}>", digest(&message.key))
}

/// What all mails about a case refer to. No such mail exists.
fn case_id(message: &Message, host: &str) -> String {
    let case = message.case.id;
    format!(
        "<{case}.{}@{host}>",
        digest(&format!("{}:{case}", message.node))
    )
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_alerts::Reason;
    use spica_notify::contract::message;

    fn written(message: &Message) -> String {
        let from = "Spica <alarm@hub.example.org>".parse().unwrap();
        let mail = write(message, &from, None).unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    fn sample() -> Message {
        Message {
            address: "anna@example.org".to_owned(),
            ..message(17, 1)
        }
    }

    #[test]
    fn a_mail_says_what_it_is() {
        let mail = written(&sample());
        for line in [
            "To: \"Anna Meier\" <anna@example.org>\r\n",
            "Subject: EMERGENCY: Man down (Lift 3)\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "X-Priority: 1 (Highest)\r\n",
            "Date: Sun, 22 Nov 2026 09:00:00 +0000\r\n",
            "\r\n\r\nhttps://hub.example.org/cases/1-17",
        ] {
            assert!(mail.contains(line), "{line:?} is not in\n{mail}");
        }
    }

    #[test]
    fn a_repetition_has_the_same_identity_and_another_message_has_not() {
        let id = |message: &Message, name: &str| {
            let mail = written(message);
            let line = mail.lines().find(|line| line.starts_with(name)).unwrap();
            line.to_owned()
        };
        let again = Message {
            attempt: 2,
            ..sample()
        };
        let escalated = Message {
            key: "root/s1:1-17/2".to_owned(),
            ..sample()
        };
        let elsewhere = Message {
            key: "root/s2:1-17/1".to_owned(),
            ..sample()
        };
        assert_eq!(id(&sample(), "Message-ID"), id(&again, "Message-ID"));
        assert_ne!(id(&sample(), "Message-ID"), id(&escalated, "Message-ID"));
        assert_ne!(id(&sample(), "Message-ID"), id(&elsewhere, "Message-ID"));
        assert_eq!(id(&sample(), "References"), id(&escalated, "References"));
        assert!(id(&sample(), "Message-ID").ends_with("@hub.example.org>"));
    }

    #[test]
    fn the_end_of_a_case_is_not_urgent() {
        let cleared = Message {
            reason: Reason::Cleared,
            ..sample()
        };
        assert!(!written(&cleared).contains("X-Priority"));
    }

    #[test]
    fn nothing_in_a_message_becomes_a_header() {
        let sly = Message {
            subject: "x\r\nBcc: eve@example.org".to_owned(),
            person: Some("Anna\r\nBcc: eve@example.org".to_owned()),
            ..sample()
        };
        let mail = written(&sly);
        let head = mail.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("\nBcc:"), "{head}");
        for address in [
            "",
            "anna",
            "anna@",
            "a@b\r\nBcc: eve@example.org",
            "a@b, c@d",
        ] {
            let message = Message {
                address: address.to_owned(),
                ..sample()
            };
            let from = "alarm@example.org".parse().unwrap();
            let error = write(&message, &from, None).unwrap_err();
            assert!(error.contains("no mail address"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_words_break_a_mail(person: String, subject: String, body: String) {
            let message = Message { person: Some(person), subject, body, ..sample() };
            let mail = written(&message);
            proptest::prop_assert!(mail.contains("\r\nTo: "), "{}", mail);
        }
    }
}
