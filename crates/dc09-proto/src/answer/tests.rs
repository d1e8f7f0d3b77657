//! Answers of other receivers, and that ours are those that senders expect.

use super::*;
use crate::frame;

fn now() -> Timestamp {
    "2026-11-22T12:06:20Z".parse().unwrap()
}

fn head(body: &str) -> Head {
    let frame = frame::seal(body.as_bytes()).unwrap();
    Packet::read(&frame).unwrap().head
}

fn key() -> Key {
    Key::from_bytes(b"AAAAAAAAAAAAAAAA").unwrap()
}

/// Written by pysiaalarm, whose padding is zeros and has no `|`.
const ENCRYPTED_ACK: &str = "\n39F80054\"*ACK\"0042R0L0#1234[C61518380CDD9F3F0CDC02BF7F2448B4F7375E6ABD1A92CCC3A2865490EF4CAE\r";

#[test]
fn answers_of_other_receivers_are_read() {
    let plain = Reply::read(b"\n5BAD0012\"ACK\"1665L0#0000[]\r", None).unwrap();
    assert_eq!((plain.answer, plain.sequence.get()), (Answer::Ack, 1_665));
    let encrypted = Reply::read(ENCRYPTED_ACK.as_bytes(), Some(&key())).unwrap();
    assert_eq!(
        (encrypted.answer, encrypted.sequence.get()),
        (Answer::Ack, 42)
    );
    assert_eq!(encrypted.account, Some("1234".parse().unwrap()));
    assert!(encrypted.time.is_some());
    for frame in [
        "\nE4410025\"NAK\"0000R0L0A0[]_16:20:01,09-24-2025\r",
        "\n55F50025\"NAK\"0000L0R0A0[]_12:06:20,11-22-2026\r",
    ] {
        let nak = Reply::read(frame.as_bytes(), Some(&key())).unwrap();
        assert_eq!((nak.answer, nak.sequence), (Answer::Nak, Sequence::ZERO));
        assert_eq!(nak.account, None);
        assert!(nak.time.is_some());
    }
}

#[test]
fn an_acknowledgement_of_what_was_encrypted_must_be() {
    let plain = b"\n5BAD0012\"ACK\"1665L0#0000[]\r";
    assert_eq!(
        Reply::read(plain, Some(&key())),
        Err(ReplyError::NotEncrypted)
    );
    let other = Key::from_bytes(b"BAAAAAAAAAAAAAAA").unwrap();
    let wrong = Reply::read(ENCRYPTED_ACK.as_bytes(), Some(&other));
    assert_eq!(wrong, Err(ReplyError::Decode(DecodeError::Undecipherable)));
    // A refusal never is.
    let duh = frame::seal(b"\"DUH\"0042L0#1234[]").unwrap();
    assert_eq!(Reply::read(&duh, Some(&key())).unwrap().answer, Answer::Duh);
}

#[test]
fn a_message_is_no_answer() {
    let frame = frame::seal(b"\"NULL\"0042L0#1234[]").unwrap();
    assert_eq!(
        Reply::read(&frame, None),
        Err(ReplyError::NoAnswer(Token::Null))
    );
}

#[test]
fn an_acknowledgement_says_again_what_the_message_said_of_itself() {
    let to = head("\"SIA-DCS\"1666R12L3#0000[x]");
    let bytes = answer(&to, Answer::Ack, now(), Some(&key())).unwrap();
    assert_eq!(frame::open(&bytes), Ok(&b"\"ACK\"1666R12L3#0000[]"[..]));
    let bytes = answer(&to, Answer::Duh, now(), None).unwrap();
    assert_eq!(frame::open(&bytes), Ok(&b"\"DUH\"1666R12L3#0000[]"[..]));
}

#[test]
fn an_encrypted_message_has_an_encrypted_acknowledgement() {
    let to = head("\"*SIA-DCS\"1666L0#1234[00");
    let bytes = answer(&to, Answer::Ack, now(), Some(&key())).unwrap();
    let reply = Reply::read(&bytes, Some(&key())).unwrap();
    assert_eq!((reply.sequence, reply.time), (to.sequence, Some(now())));
    let without = answer(&to, Answer::Ack, now(), None);
    assert_eq!(without, Err(AnswerError::NoKey));
}

#[test]
fn a_refusal_of_the_time_is_plain_and_says_the_time() {
    let to = head("\"*SIA-DCS\"1666R1L2#1234[00");
    let bytes = answer(&to, Answer::Nak, now(), Some(&key())).unwrap();
    let expect = b"\"NAK\"0000R0L0A0[]_12:06:20,11-22-2026";
    assert_eq!(frame::open(&bytes), Ok(&expect[..]));
}
