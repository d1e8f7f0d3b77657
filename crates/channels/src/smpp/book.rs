//! Which receipt belongs to which message: a bounded memory of the identifiers that the message centre
//! gave.
//!
//! Some centres give an identifier in hexadecimal and write it in decimal in the receipt, so numbers
//! are compared in both. A receipt may even come before the answer that gives the identifier.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

use super::receipt::{Fate, Receipt};

/// How many messages are remembered; of older ones a receipt says nothing to anybody.
const REMEMBERED: usize = 10_000;
/// How many receipts wait for the answer to their message.
const EARLY: usize = 64;

/// What is remembered of a message that was taken.
#[derive(Debug)]
struct Entry {
    key: String,
    waiting: Option<oneshot::Sender<Receipt>>,
}

/// Messages that were taken, by identifier.
#[derive(Debug)]
pub(super) struct Book {
    entries: BTreeMap<String, Entry>,
    /// The same identifiers, the oldest first.
    order: VecDeque<String>,
    early: VecDeque<Receipt>,
    remembered: usize,
}

/// Where a receipt goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To whoever waits for it, or nowhere for now.
    Settled,
    /// Nobody waits: it is news of the message with this key.
    News(String),
}

impl Default for Book {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            order: VecDeque::new(),
            early: VecDeque::new(),
            remembered: REMEMBERED,
        }
    }
}

impl Book {
    /// Remembers a message, and gives where its receipt will come.
    pub(super) fn note(&mut self, id: &str, key: &str) -> oneshot::Receiver<Receipt> {
        let (waiting, receipt) = oneshot::channel();
        let id = canonical(id);
        let found = self
            .early
            .iter()
            .position(|early| same(&canonical(&early.id), &id));
        if let Some(early) = found.and_then(|place| self.early.remove(place)) {
            // The receiver is below, so this cannot fail.
            let _ = waiting.send(early);
            return receipt;
        }
        if self.order.len() >= self.remembered
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        let entry = Entry {
            key: key.to_owned(),
            waiting: Some(waiting),
        };
        if self.entries.insert(id.clone(), entry).is_none() {
            self.order.push_back(id);
        }
        receipt
    }

    /// Takes a receipt. One that is no last word changes nothing.
    pub(super) fn settle(&mut self, receipt: Receipt) -> Place {
        if receipt.fate == Fate::Pending {
            return Place::Settled;
        }
        let id = canonical(&receipt.id);
        let Some(known) = spellings(&id).find(|id| self.entries.contains_key(id)) else {
            if self.early.len() >= EARLY {
                self.early.pop_front();
            }
            self.early.push_back(receipt);
            return Place::Settled;
        };
        self.order.retain(|other| *other != known);
        let Some(entry) = self.entries.remove(&known) else {
            return Place::Settled;
        };
        match entry.waiting.map(|waiting| waiting.send(receipt)) {
            Some(Ok(())) => Place::Settled,
            _ => Place::News(entry.key),
        }
    }
}

/// An identifier without what does not tell it from another.
fn canonical(id: &str) -> String {
    let id = id.trim().to_ascii_lowercase();
    let short = id.trim_start_matches('0');
    if short.is_empty() {
        id
    } else {
        short.to_owned()
    }
}

/// How the other side may have written an identifier: as it is, or as a number of the other base.
fn spellings(id: &str) -> impl Iterator<Item = String> {
    let as_hex = id.parse::<u128>().ok().map(|number| format!("{number:x}"));
    let as_decimal = u128::from_str_radix(id, 16)
        .ok()
        .map(|number| number.to_string());
    [Some(id.to_owned()), as_hex, as_decimal]
        .into_iter()
        .flatten()
}

fn same(one: &str, other: &str) -> bool {
    spellings(one).any(|spelling| spelling == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: &str, fate: Fate) -> Receipt {
        Receipt {
            id: id.to_owned(),
            fate,
            words: "DELIVRD".to_owned(),
        }
    }

    #[test]
    fn a_receipt_reaches_whoever_waits_and_is_news_afterwards() {
        let mut book = Book::default();
        let mut waiting = book.note("0A1F", "n:1-1/1");
        assert_eq!(book.settle(receipt("0a1f", Fate::Pending)), Place::Settled);
        assert!(waiting.try_recv().is_err(), "no last word yet");
        assert_eq!(book.settle(receipt("a1f", Fate::Arrived)), Place::Settled);
        assert_eq!(waiting.try_recv().unwrap().fate, Fate::Arrived);
        drop(book.note("7", "n:1-2/1"));
        let news = Place::News("n:1-2/1".to_owned());
        assert_eq!(book.settle(receipt("7", Fate::Failed)), news);
        assert_eq!(
            book.settle(receipt("7", Fate::Failed)),
            Place::Settled,
            "twice is once"
        );
    }

    #[test]
    fn numbers_are_the_same_in_both_bases() {
        let mut book = Book::default();
        drop(book.note("A1F", "hex answer, decimal receipt"));
        let news = Place::News("hex answer, decimal receipt".to_owned());
        assert_eq!(book.settle(receipt("0000002591", Fate::Arrived)), news);
        drop(book.note("2591", "decimal answer, hex receipt"));
        let news = Place::News("decimal answer, hex receipt".to_owned());
        assert_eq!(book.settle(receipt("A1F", Fate::Arrived)), news);
    }

    #[test]
    fn a_receipt_may_come_before_the_answer() {
        let mut book = Book::default();
        assert_eq!(book.settle(receipt("12", Fate::Arrived)), Place::Settled);
        assert_eq!(book.note("12", "n:1-1/1").try_recv().unwrap().id, "12");
        for number in 0..100 {
            book.settle(receipt(&format!("x{number}"), Fate::Arrived));
        }
        assert_eq!(book.early.len(), EARLY);
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_limit() {
        let mut book = Book {
            remembered: 2,
            ..Book::default()
        };
        for id in ["x1", "x2", "x3"] {
            drop(book.note(id, id));
        }
        assert_eq!((book.entries.len(), book.order.len()), (2, 2));
        assert_eq!(book.settle(receipt("x1", Fate::Arrived)), Place::Settled);
        assert_eq!(
            book.settle(receipt("x3", Fate::Arrived)),
            Place::News("x3".to_owned())
        );
        assert_eq!((book.entries.len(), book.order.len()), (1, 1));
    }
}
