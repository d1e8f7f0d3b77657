//! What a receiving station takes, and what it answers.

use super::*;
use crate::{Reply, Sequence, Text, Token, frame};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn key() -> Key {
    Key::Aes256([9; 32])
}

fn receiver() -> Receiver {
    let account = |text: &str| text.parse().unwrap();
    Receiver {
        accounts: [(account("1234"), None), (account("ABCD"), Some(key()))].into(),
        ..Receiver::default()
    }
}

fn message(account: &str, sent: Option<Timestamp>) -> Message {
    Message {
        token: Token::SiaDcs,
        sequence: Sequence::new(7).unwrap(),
        receiver: None,
        line: Some("0".parse().unwrap()),
        account: Some(account.parse().unwrap()),
        data: Text::new("Nri1/MA001").unwrap(),
        extended: Vec::new(),
        time: sent,
    }
}

/// Why it is refused, and how that is answered.
fn refused(message: &Message, key: Option<&Key>) -> (Why, Option<Answer>) {
    let frame = message.encode(key).unwrap();
    let refused = receiver().take(&frame, now()).unwrap_err();
    let read = |bytes: Vec<u8>| Reply::read(&bytes, None).unwrap().answer;
    (refused.why, refused.answer.map(read))
}

#[test]
fn a_plain_and_an_encrypted_event_are_taken_and_acknowledged() {
    let receiver = receiver();
    for (account, key) in [("1234", None), ("ABCD", Some(key()))] {
        let sent = message(account, Some(now()));
        let frame = sent.encode(key.as_ref()).unwrap();
        let taken = receiver.take(&frame, now()).unwrap();
        assert_eq!(taken.message, sent);
        assert!(matches!(&taken.payload, Payload::Sia(event) if event.number == Some(1)));
        let ack = taken.ack(now()).unwrap();
        let reply = Reply::read(&ack, key.as_ref()).unwrap();
        assert_eq!((reply.answer, reply.sequence.get()), (Answer::Ack, 7));
    }
}

#[test]
fn a_time_out_of_the_window_is_refused_at_its_edges() {
    let at = |seconds: i64| {
        Some(Timestamp::from_micros(
            now().as_micros() + seconds * 1_000_000,
        ))
    };
    for (seconds, taken) in [(-41, false), (-40, true), (20, true), (21, false)] {
        let sent = message("ABCD", at(seconds));
        let frame = sent.encode(Some(&key())).unwrap();
        assert_eq!(receiver().take(&frame, now()).is_ok(), taken, "{seconds}");
    }
    let (why, answer) = refused(&message("ABCD", at(-41)), Some(&key()));
    assert!(matches!(why, Why::Time { .. }));
    assert_eq!(answer, Some(Answer::Nak));
    // Without a time there is nothing to refuse.
    let frame = message("1234", None).encode(None).unwrap();
    assert!(receiver().take(&frame, now()).is_ok());
}

#[test]
fn who_is_not_known_or_does_not_encrypt_is_refused() {
    let (why, answer) = refused(&message("9999", None), None);
    assert_eq!((why, answer), (Why::Account, Some(Answer::Nak)));
    let (why, answer) = refused(&message("ABCD", None), None);
    assert_eq!((why, answer), (Why::NotEncrypted, Some(Answer::Nak)));
    let other = Key::Aes256([8; 32]);
    let (why, answer) = refused(&message("ABCD", Some(now())), Some(&other));
    let undecipherable = Why::Decode(DecodeError::Undecipherable);
    assert_eq!((why, answer), (undecipherable, Some(Answer::Duh)));
}

#[test]
fn what_cannot_be_understood_is_told() {
    let mut unknown = message("1234", None);
    unknown.data = Text::new("gibberish").unwrap();
    let (why, answer) = refused(&unknown, None);
    assert_eq!(
        (why, answer),
        (Why::Payload(PayloadError::Sia), Some(Answer::Duh))
    );
    unknown.token = Token::from_wire(b"SCN-S8").unwrap();
    let (why, answer) = refused(&unknown, None);
    assert!(matches!(why, Why::Payload(PayloadError::Token(_))));
    assert_eq!(answer, Some(Answer::Duh));
}

#[test]
fn what_is_damaged_is_not_answered() {
    let mut damaged = message("1234", None).encode(None).unwrap();
    damaged[12] ^= 1;
    let refused = receiver().take(&damaged, now()).unwrap_err();
    assert_eq!(refused.answer, None);
    assert!(matches!(refused.why, Why::Decode(DecodeError::Frame(_))));
    let headless = frame::seal(b"nothing").unwrap();
    assert_eq!(receiver().take(&headless, now()).unwrap_err().answer, None);
}
