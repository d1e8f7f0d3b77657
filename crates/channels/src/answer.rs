//! What the other side said, as a line that is fit for a record.

use std::error::Error;
use std::time::Duration;

use spica_alerts::Outcome;

/// The longest answer, in characters.
pub(crate) const ANSWER_CHARS: usize = 160;
/// The longest time that the other side may ask for before the next attempt. Whoever wants more is
/// asked in vain for a while; who waits for help does not wait for them.
const AFTER: Duration = Duration::from_secs(300);

/// The text in one line, without control characters, cut to [`ANSWER_CHARS`].
pub(crate) fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(ANSWER_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// An error with what caused it, in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        next = cause.source();
    }
    line(&said)
}

pub(crate) fn delivered(answer: &str) -> Outcome {
    let answer = line(answer);
    Outcome::Delivered { answer }
}

pub(crate) fn retry(answer: &str) -> Outcome {
    retry_after(answer, None)
}

pub(crate) fn retry_after(answer: &str, after: Option<Duration>) -> Outcome {
    let answer = line(answer);
    let after = after.map(|after| after.min(AFTER));
    Outcome::Retry { answer, after }
}

pub(crate) fn refused(answer: &str) -> Outcome {
    let answer = line(answer);
    Outcome::Refused { answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_one_bounded_line() {
        assert_eq!(line(" 550\r\nno\tsuch\u{0} user\n"), "550 no such user");
        assert_eq!(
            line(&"ä".repeat(ANSWER_CHARS)).chars().count(),
            ANSWER_CHARS
        );
        let long = line(&"ä".repeat(1_000));
        assert_eq!(long.chars().count(), ANSWER_CHARS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn nobody_may_ask_for_too_long_a_pause() {
        let asked = retry_after("busy", Some(Duration::from_secs(86_400)));
        assert!(matches!(
            asked,
            Outcome::Retry {
                after: Some(AFTER),
                ..
            }
        ));
    }

    #[test]
    fn causes_are_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("connect failed")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("refused"));
        assert_eq!(with_causes(&error), "connect failed: refused");
    }
}
