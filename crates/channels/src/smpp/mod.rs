//! Text messages through a message centre, over a standing SMPP 3.4 session.
//!
//! ```text
//!  carry ─ submit_sm of each part ─▶ link ─ session ─▶ message centre
//!    ▲                                │
//!    └── status, identifier ──────────┤
//!    └── receipt, or an event later ◀─┘ deliver_sm
//! ```
//!
//! A long message is submitted part by part, and is delivered when each was taken. A receipt is asked
//! for the last part: when that is in the phone, so are those before it, as good as surely.

mod address;
mod alphabet;
mod answers;
mod book;
mod encryption;
mod link;
mod parts;
mod receipt;
mod session;
mod settings;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rusmpp::pdus::SubmitSm;
use rusmpp::types::OctetString;
use rusmpp::values::{DataCoding, EsmClass, MCDeliveryReceipt, PriorityFlag, RegisteredDelivery};
use sha2::{Digest as _, Sha256};
use spica_alerts::{Message, Outcome};
use spica_cases::Severity;
use spica_clock::SharedClock;
use spica_notify::{EventSink, Path};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::answer;
use crate::bounded::Carrier;
use crate::paths::Paths;

use address::Address;
use alphabet::Alphabet;
use link::Link;
use receipt::Receipt;

pub(crate) use settings::open;
#[doc(hidden)]
pub use wire::fuzz;

/// The header of a part follows.
const WITH_HEADER: u8 = 0b0100_0000;

/// A message centre.
pub(crate) struct Smpp {
    link: Arc<Link>,
    paths: Arc<Paths>,
    clock: SharedClock,
    style: Style,
}

/// How messages are submitted.
#[derive(Debug)]
struct Style {
    from: Address,
    /// Most parts of a message.
    parts: u8,
    /// Whether receipts are asked for.
    receipts: bool,
    /// How long a send waits for its receipt.
    receipt_wait: Duration,
    /// How long the centre tries to deliver, in its own form; empty for as long as it likes.
    validity: String,
}

impl Smpp {
    async fn post(&self, message: &Message) -> Outcome {
        let Some(to) = Address::of_phone(&message.address) else {
            return answer::refused(&format!("{:?} is no phone number", message.address));
        };
        // While the centre is known to be away nobody waits: another channel can be tried.
        if let Some(trouble) = self.paths.trouble() {
            return answer::retry(&trouble);
        }
        let reference = Sha256::digest(message.key.as_bytes())[0];
        let parts = parts::split(&message.body, reference, self.style.parts);
        let count = parts.octets.len();
        let mut last = String::new();
        for (place, octets) in parts.octets.iter().enumerate() {
            let is_last = place + 1 == count;
            let submit =
                self.style
                    .submit(message, &to, parts.alphabet, octets, count > 1, is_last);
            let Some(submit) = submit else {
                return answer::refused("the message does not fit into submit_sm");
            };
            let Some(answer) = self.link.submit(submit).await else {
                let trouble = self.paths.trouble();
                return answer::retry(
                    &trouble.unwrap_or_else(|| "the session was lost".to_owned()),
                );
            };
            if let Some(refusal) = answers::refusal(answer.status) {
                return refusal;
            }
            last = answer.id;
        }
        let cut = if parts.cut { ", cut to its parts" } else { "" };
        let taken = format!("message {last} of {count} part(s) taken{cut}");
        self.outcome(message, &last, &taken).await
    }

    /// What the receipt says, if it comes soon; else that the centre took the message.
    async fn outcome(&self, message: &Message, id: &str, taken: &str) -> Outcome {
        if !self.style.receipts || id.is_empty() {
            return answer::delivered(taken);
        }
        let receipt: oneshot::Receiver<Receipt> = self.link.note(id, &message.key);
        match timeout(self.style.receipt_wait, receipt).await {
            Ok(Ok(receipt)) => answers::outcome(&receipt, id),
            _ => answer::delivered(taken),
        }
    }
}

impl Style {
    /// A part as the PDU; none if a field is too long for it.
    fn submit(
        &self,
        message: &Message,
        to: &Address,
        alphabet: Alphabet,
        octets: &[u8],
        has_header: bool,
        is_last: bool,
    ) -> Option<SubmitSm> {
        // rusmpp's own default of `esm_class` says that this is an acknowledgement of a phone.
        let esm_class = EsmClass::from(if has_header { WITH_HEADER } else { 0 });
        let receipt = if self.receipts && is_last {
            MCDeliveryReceipt::McDeliveryReceiptRequestedWhereFinalDeliveryOutcomeIsSuccessOrFailure
        } else {
            MCDeliveryReceipt::NoMcDeliveryReceiptRequested
        };
        let is_emergency = message.case.severity == Severity::Emergency;
        let submit = SubmitSm::builder()
            .source_addr_ton(self.from.ton)
            .source_addr_npi(self.from.npi)
            .source_addr(self.from.digits.parse().ok()?)
            .dest_addr_ton(to.ton)
            .dest_addr_npi(to.npi)
            .destination_addr(to.digits.parse().ok()?)
            .esm_class(esm_class)
            .priority_flag(PriorityFlag::new(u8::from(is_emergency)))
            .validity_period(self.validity.parse().ok()?)
            .registered_delivery(RegisteredDelivery::from(u8::from(receipt)))
            .data_coding(match alphabet {
                Alphabet::Gsm7 => DataCoding::McSpecific,
                Alphabet::Ucs2 => DataCoding::Ucs2,
            })
            .short_message(OctetString::from_slice(octets).ok()?);
        Some(submit.build())
    }
}

impl Carrier for Smpp {
    fn carry<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.post(message).boxed()
    }

    fn excuse(&self) -> Option<String> {
        self.paths.trouble()
    }

    fn paths(&self) -> Vec<Path> {
        self.paths.list()
    }

    fn start(&self, events: EventSink) {
        self.link.start(&self.paths, events, &self.clock);
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.link.stop(&self.paths).boxed()
    }
}
