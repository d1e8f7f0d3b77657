//! Frames and PDUs on a connection.
//!
//! The frames are cut here and each is read on its own, so that one PDU that cannot be read costs
//! itself and not the session: a centre that sends it again after every bind would otherwise shut the
//! path for good.

use std::io;

use bytes::{Buf as _, BufMut as _, BytesMut};
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::{Command, CommandId, CommandStatus, Pdu, pdus::DeliverSmResp};
use tokio_util::codec::{Decoder, Encoder};

/// The header of a PDU.
const HEADER_BYTES: usize = 16;
/// The longest PDU that is taken; a `deliver_sm` with a payload of 64 KiB is none of ours.
const PDU_BYTES: usize = 8_192;

/// What comes in.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A PDU.
    Command(Box<Command>),
    /// One that cannot be read, and what is answered to it, if anything.
    Unreadable(Option<Box<Command>>),
}

/// Cuts and reads frames.
#[derive(Debug, Default)]
pub(super) struct Wire;

impl Decoder for Wire {
    type Item = Incoming;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Incoming>, io::Error> {
        let Some(length) = source.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if !(HEADER_BYTES..=PDU_BYTES).contains(&length) {
            let said = format!("a PDU of {length} bytes; {HEADER_BYTES} to {PDU_BYTES} are taken");
            return Err(io::Error::new(io::ErrorKind::InvalidData, said));
        }
        if source.len() < length {
            source.reserve(length - source.len());
            return Ok(None);
        }
        Ok(Some(read(source.split_to(length))))
    }
}

/// Reads one whole frame.
fn read(mut frame: BytesMut) -> Incoming {
    let mut header = &frame[4..HEADER_BYTES];
    let id = header.get_u32();
    header.advance(4);
    let sequence = header.get_u32();
    match CommandCodec::new().decode(&mut frame) {
        Ok(Some(command)) => Incoming::Command(Box::new(command)),
        Ok(None) | Err(_) => Incoming::Unreadable(answer_unread(id, sequence)),
    }
}

/// What is said to a PDU that cannot be read: a message is taken, or it would come again and again;
/// another request is refused; an answer is not answered.
fn answer_unread(id: u32, sequence: u32) -> Option<Box<Command>> {
    const ANSWER: u32 = 0x8000_0000;
    let id = CommandId::from(id);
    if u32::from(id) & ANSWER != 0 {
        return None;
    }
    let answer = match id {
        CommandId::DeliverSm => (CommandStatus::EsmeRok, DeliverSmResp::default().into()),
        _ => (CommandStatus::EsmeRinvcmdid, Pdu::GenericNack),
    };
    Some(Box::new(Command::new(answer.0, sequence, answer.1)))
}

impl Encoder<Command> for Wire {
    type Error = io::Error;

    fn encode(&mut self, command: Command, target: &mut BytesMut) -> Result<(), io::Error> {
        let mut frame = BytesMut::new();
        let encoded = CommandCodec::new().encode(command, &mut frame);
        encoded.map_err(|error| io::Error::other(error.to_string()))?;
        target.put(frame);
        Ok(())
    }
}

/// Lets a fuzzer read what a provider may send: no bytes break the reader, and what is read is no
/// longer than what came.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let mut source = BytesMut::from(data);
    while let Ok(Some(incoming)) = Wire.decode(&mut source) {
        if let Incoming::Command(command) = incoming {
            let _ = super::answers::receipt(&command);
        }
    }
    if let Some(receipt) = super::receipt::Receipt::parse(data) {
        assert!(
            receipt.id.len() <= data.len() * 3,
            "an identifier is part of the text"
        );
        assert!(!receipt.id.contains(char::is_whitespace));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with this header and body.
    fn frame(id: u32, sequence: u32, body: &[u8]) -> BytesMut {
        let mut frame = BytesMut::new();
        frame.put_u32(u32::try_from(HEADER_BYTES + body.len()).unwrap());
        frame.put_u32(id);
        frame.put_u32(0);
        frame.put_u32(sequence);
        frame.put(body);
        frame
    }

    #[test]
    fn a_pdu_that_cannot_be_read_costs_itself_alone() {
        let mut source = frame(0x5, 7, b"no body of a deliver_sm");
        source.unsplit(frame(0x15, 8, b""));
        let Ok(Some(Incoming::Unreadable(Some(answer)))) = Wire.decode(&mut source) else {
            panic!("a broken deliver_sm is read");
        };
        assert_eq!(
            (answer.id(), answer.sequence_number),
            (CommandId::DeliverSmResp, 7)
        );
        assert_eq!(answer.status, CommandStatus::EsmeRok);
        let Ok(Some(Incoming::Command(next))) = Wire.decode(&mut source) else {
            panic!("the next PDU is lost");
        };
        assert_eq!(
            (next.id(), next.sequence_number),
            (CommandId::EnquireLink, 8)
        );
        assert!(Wire.decode(&mut source).unwrap().is_none());
    }

    #[test]
    fn unreadable_requests_are_refused_and_answers_are_not_answered() {
        let mut source = frame(0x9, 3, b"no bind");
        let Ok(Some(Incoming::Unreadable(Some(answer)))) = Wire.decode(&mut source) else {
            panic!("a broken bind is read");
        };
        assert_eq!(
            (answer.id(), answer.sequence_number),
            (CommandId::GenericNack, 3)
        );
        let mut source = frame(0x8000_0004, 3, &[b'x'; 80]);
        let read = Wire.decode(&mut source).unwrap();
        assert!(matches!(read, Some(Incoming::Unreadable(None))), "{read:?}");
    }

    #[test]
    fn lengths_beyond_the_bounds_end_the_connection() {
        for length in [0, 15, 8_193, u32::MAX] {
            let mut source = BytesMut::from(&length.to_be_bytes()[..]);
            let error = Wire.decode(&mut source).unwrap_err().to_string();
            assert!(error.contains("16 to 8192"), "{error}");
        }
        assert!(
            Wire.decode(&mut BytesMut::from(&8_192_u32.to_be_bytes()[..]))
                .unwrap()
                .is_none()
        );
        assert!(
            Wire.decode(&mut BytesMut::from(&[0_u8, 0, 0][..]))
                .unwrap()
                .is_none()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_reader(data: Vec<u8>) {
            fuzz(&data);
        }
    }
}
