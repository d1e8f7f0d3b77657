//! What the message centre's PDUs mean for a message.

use std::time::Duration;

use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::TlvValue;
use rusmpp::{Command, CommandStatus, Pdu};
use spica_alerts::Outcome;

use super::receipt::{Fate, Receipt};

/// How long to leave a centre alone that says that it is asked too much.
const THROTTLE: Duration = Duration::from_secs(5);
/// The bits of `esm_class` that tell a receipt from a message of a phone.
const RECEIPT_BITS: u8 = 0b0011_1100;
/// A receipt of the message centre.
const CENTRE_RECEIPT: u8 = 0b0000_0100;

/// What the status of an answer to `submit_sm` means; none if the message was taken.
pub(super) fn refusal(status: CommandStatus) -> Option<Outcome> {
    use CommandStatus as S;
    let number = u32::from(status);
    let named = |meaning: &str| format!("status {number:#010x}: {meaning}");
    let refused = |meaning: &str| {
        Some(Outcome::Refused {
            answer: named(meaning),
        })
    };
    let retry = |meaning: &str, after| {
        Some(Outcome::Retry {
            answer: named(meaning),
            after,
        })
    };
    match status {
        S::EsmeRok => None,
        S::EsmeRthrottled => retry("throttled", Some(THROTTLE)),
        S::EsmeRmsgqful => retry("queue full", Some(THROTTLE)),
        S::EsmeRinvdstadr | S::EsmeRinvdstton | S::EsmeRinvdstnpi => {
            refused("the phone number is not valid")
        }
        S::EsmeRinvsrcadr | S::EsmeRinvsrcton | S::EsmeRinvsrcnpi => {
            refused("the sender (`from`) is not allowed")
        }
        S::EsmeRinvmsglen => refused("the message is too long"),
        S::EsmeRinvsertyp
        | S::EsmeRsertypunauth
        | S::EsmeRsertypunavail
        | S::EsmeRsertypdenied
        | S::EsmeRprohibited => refused("the service is not allowed"),
        S::EsmeRinvesmclass
        | S::EsmeRinvdcs
        | S::EsmeRinvregdlvflg
        | S::EsmeRinvprtflg
        | S::EsmeRinvexpiry => refused("the centre does not take such messages"),
        // The receiver's side refuses for good: ESME_RX_P_APPN and ESME_RX_R_APPN.
        _ if matches!(number, 0x65 | 0x66) => refused("refused by the receiver"),
        // Whatever else: system errors, lost binds, numbers of the vendor. A message that is tried
        // once too often is better than one that is not.
        _ => retry("the centre did not take it", None),
    }
}

/// What the fate that a receipt tells means for an attempt.
pub(super) fn outcome(receipt: &Receipt, id: &str) -> Outcome {
    let answer = format!("message {id}: {}", receipt.words);
    match receipt.fate {
        Fate::Failed => Outcome::Refused { answer },
        Fate::Expired => Outcome::Retry {
            answer,
            after: None,
        },
        Fate::Arrived | Fate::Pending | Fate::Unknown => Outcome::Delivered { answer },
    }
}

/// The receipt in a PDU, if it is one.
pub(super) fn receipt(command: &Command) -> Option<Receipt> {
    let Some(Pdu::DeliverSm(deliver)) = command.pdu() else {
        return None;
    };
    if u8::from(deliver.esm_class) & RECEIPT_BITS != CENTRE_RECEIPT {
        return None;
    }
    let text = Receipt::parse(&text(deliver));
    let (id, state) = parameters(deliver);
    let fate = state.map(Fate::from_state);
    match (id, fate, text) {
        (Some(id), Some(fate), text) => {
            let number = || format!("state {}", state.unwrap_or_default());
            let words = text.map_or_else(number, |text| text.words);
            Some(Receipt { id, fate, words })
        }
        (id, fate, Some(text)) => Some(Receipt {
            id: id.unwrap_or(text.id),
            fate: fate.unwrap_or(text.fate),
            words: text.words,
        }),
        _ => None,
    }
}

/// The text, wherever it stands.
fn text(deliver: &DeliverSm) -> Vec<u8> {
    let payload = values(deliver).find_map(|value| match value {
        TlvValue::MessagePayload(payload) => Some(payload.value.as_ref().to_vec()),
        _ => None,
    });
    payload.unwrap_or_else(|| deliver.short_message().as_ref().to_vec())
}

/// `receipted_message_id` and `message_state`.
fn parameters(deliver: &DeliverSm) -> (Option<String>, Option<u8>) {
    let id = values(deliver).find_map(|value| match value {
        TlvValue::ReceiptedMessageId(id) => Some(id.as_str().to_owned()),
        _ => None,
    });
    let state = values(deliver).find_map(|value| match value {
        TlvValue::MessageState(state) => Some(u8::from(*state)),
        _ => None,
    });
    (id.filter(|id| !id.is_empty()), state)
}

fn values(deliver: &DeliverSm) -> impl Iterator<Item = &TlvValue> {
    deliver.tlvs().iter().filter_map(|tlv| tlv.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Tlv;
    use rusmpp::types::OctetString;
    use rusmpp::values::{EsmClass, MessageState};

    fn deliver(esm_class: u8, text: &[u8], tlvs: Vec<Tlv>) -> Command {
        let mut deliver = DeliverSm::default();
        deliver.esm_class = EsmClass::from(esm_class);
        deliver.set_short_message(OctetString::from_slice(text).unwrap());
        deliver.set_tlvs(tlvs);
        Command::new(CommandStatus::EsmeRok, 1, deliver)
    }

    #[test]
    fn statuses_say_whether_to_try_again() {
        let class = |number: u32| refusal(CommandStatus::from(number)).map(|o| o.as_str());
        assert_eq!(class(0), None);
        for number in [0x0b, 0x50, 0x51, 0x0a, 0x01, 0x15, 0x65, 0x66, 0x43] {
            assert_eq!(class(number), Some("refused"), "{number:#x}");
        }
        for number in [0x58, 0x14, 0x08, 0x04, 0x45, 0x64, 0xff, 0x0400, u32::MAX] {
            assert_eq!(class(number), Some("retry"), "{number:#x}");
        }
        let Some(Outcome::Retry { answer, after }) = refusal(CommandStatus::EsmeRthrottled) else {
            panic!("throttled is no retry");
        };
        assert_eq!(
            (answer.as_str(), after),
            ("status 0x00000058: throttled", Some(THROTTLE))
        );
    }

    #[test]
    fn receipts_are_found_in_text_and_parameters() {
        let text = b"id:12 stat:UNDELIV err:005";
        let found = receipt(&deliver(0x04, text, vec![])).unwrap();
        assert_eq!((found.id.as_str(), found.fate), ("12", Fate::Failed));
        let id = Tlv::ReceiptedMessageId("ab".parse().unwrap());
        let state = Tlv::MessageState(MessageState::Delivered);
        let found = receipt(&deliver(0x04, b"", vec![id.clone(), state.clone()])).unwrap();
        let (id_of, words) = (found.id.as_str(), found.words.as_str());
        assert_eq!((id_of, found.fate, words), ("ab", Fate::Arrived, "state 2"));
        let found = receipt(&deliver(0x04, text, vec![id, state])).unwrap();
        assert_eq!(
            (found.id.as_str(), found.fate),
            ("ab", Fate::Arrived),
            "parameters go first"
        );
    }

    #[test]
    fn a_message_of_a_phone_is_no_receipt() {
        assert_eq!(receipt(&deliver(0x00, b"id:12 stat:DELIVRD", vec![])), None);
        assert_eq!(receipt(&deliver(0x20, b"id:12 stat:ENROUTE", vec![])), None);
        assert_eq!(receipt(&deliver(0x04, b"hello", vec![])), None);
    }

    #[test]
    fn fates_say_whether_to_try_again() {
        let class = |fate| {
            let words = "X".to_owned();
            outcome(
                &Receipt {
                    id: String::new(),
                    fate,
                    words,
                },
                "1",
            )
            .as_str()
        };
        assert_eq!(class(Fate::Arrived), "delivered");
        assert_eq!(class(Fate::Unknown), "delivered");
        assert_eq!(class(Fate::Expired), "retry");
        assert_eq!(class(Fate::Failed), "refused");
    }
}
