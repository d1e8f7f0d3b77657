//! Fuzz target: what a monitoring station's receiver, or an alarm sender, gets by DC-09. The first byte
//! says in pieces of how many bytes the rest arrives. The rest is also taken as a body whose length
//! and check are right, which no search would hit upon, and as what comes out of a cipher.

use spica_dc09_proto::frame::{self, Cutter, MAX_FRAME_BYTES};
use spica_dc09_proto::payload::{EVENT_TEXT_CHARS, Payload};
use spica_dc09_proto::{Key, Packet, Receiver, Reply};
use spica_model::Timestamp;

/// The key of what is encrypted in the corpus: sixteen times `A`.
const KEY: [u8; 16] = [b'A'; 16];
/// Any time.
const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// Runs the target on one input.
///
/// # Panics
/// If the pieces change the frames, a frame is longer than it may be, or what was read is not read
/// again from what is written for it.
pub fn run(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else {
        return;
    };
    let frames = Cutter::default().push(bytes);
    let mut cutter = Cutter::default();
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let in_pieces: Vec<_> = pieces.flat_map(|part| cutter.push(part)).collect();
    assert_eq!(frames, in_pieces, "the pieces change the frames");
    for frame in &frames {
        assert!(frame.len() <= MAX_FRAME_BYTES);
        take(frame);
    }
    if let Ok(frame) = frame::seal(bytes) {
        assert_eq!(frame::open(&frame), Ok(bytes));
        take(&frame);
    }
}

fn take(frame: &[u8]) {
    let key = Key::Aes128(KEY);
    let _ = Reply::read(frame, Some(&key));
    let Ok(packet) = Packet::read(frame) else {
        return;
    };
    let head = packet.head.clone();
    let accounts = head
        .account
        .clone()
        .map(|account| (account, Some(key.clone())));
    let receiver = Receiver {
        accounts: accounts.into_iter().collect(),
        ..Receiver::default()
    };
    match receiver.take(frame, NOW) {
        Ok(taken) => assert!(taken.ack(NOW).is_ok(), "what was taken has an answer"),
        Err(refused) => assert!(
            refused.answer.is_some(),
            "whoever said who he is gets an answer"
        ),
    }
    let Ok(message) = packet.open(Some(&key)) else {
        return;
    };
    if let Ok(payload) = Payload::parse(&message.token, &message.data)
        && let Some(account) = &message.account
        && text_chars(&payload) <= EVENT_TEXT_CHARS
    {
        let (token, data) = payload.encode(account);
        assert_eq!(token, message.token);
        assert_eq!(
            Payload::parse(&token, &data),
            Ok(payload),
            "an event has two forms"
        );
    }
    let again = message.encode(head.encrypted.then_some(&key));
    // What others have encrypted without padding and `|` is longer with them, and may not fit.
    if let Ok(again) = again {
        let packet = Packet::read(&again).map(|packet| packet.open(Some(&key)));
        assert_eq!(packet, Ok(Ok(message)), "a message has two forms");
    }
}

fn text_chars(payload: &Payload) -> usize {
    match payload {
        Payload::Sia(event) => event.text.as_str().chars().count(),
        Payload::Cid(_) | Payload::Nothing => 0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_passes() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/dc09");
        let mut files = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::run(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 12, "only {files} files in {corpus}");
    }
}
