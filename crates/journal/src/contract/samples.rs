//! Records to check with, and ways to read them back.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures::executor::block_on;
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic,
};

use crate::{Appended, CommitError, Followed, Follower, Journal, SubmitError, Ticket};

/// After this long, what should have come never will. Only broken journals wait for it.
pub(super) const NEVER: Duration = Duration::from_secs(60);

/// A record that owns its parts.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) topic: Topic,
    pub(super) kind: Kind,
    pub(super) op: Op,
    pub(super) quality: Quality,
    pub(super) received: Timestamp,
    pub(super) source_time: Option<Timestamp>,
    pub(super) content_type: ContentType,
    pub(super) payload: Vec<u8>,
    pub(super) key: Option<Key>,
    pub(super) cause: Option<Cause>,
}

impl Sample {
    /// A plain record whose payload says its number.
    pub(super) fn number(number: u64) -> Self {
        Self {
            topic: Topic::new(format!("root/contract/{}", number % 7)).unwrap(),
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::from_micros(i64::try_from(number).unwrap() * 1_000),
            source_time: None,
            content_type: ContentType::Text,
            payload: number.to_string().into_bytes(),
            key: None,
            cause: None,
        }
    }

    /// A plain record with a key.
    pub(super) fn keyed(number: u64, key: &str) -> Self {
        Self {
            key: Some(Key::new(key.as_bytes().to_vec()).unwrap()),
            ..Self::number(number)
        }
    }

    fn as_new(&self) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
            kind: self.kind,
            op: self.op,
            quality: self.quality,
            received: self.received,
            source_time: self.source_time,
            content_type: &self.content_type,
            payload: &self.payload,
            key: self.key.as_ref(),
            cause: self.cause.as_ref(),
            properties: None,
        }
    }

    /// Compares everything but the position.
    #[track_caller]
    pub(super) fn assert_is(&self, record: &Record) {
        let expected = Record {
            position: record.position,
            topic: self.topic.clone(),
            kind: self.kind,
            op: self.op,
            quality: self.quality,
            received: self.received,
            source_time: self.source_time,
            content_type: self.content_type.clone(),
            payload: self.payload.clone().into(),
            key: self.key.clone(),
            cause: self.cause.clone(),
            properties: None,
        };
        assert!(*record == expected, "{record:?} is not {expected:?}");
    }
}

pub(super) fn try_submit(
    journal: &Arc<dyn Journal>,
    lane: Lane,
    samples: &[Sample],
) -> Result<Ticket, SubmitError> {
    let records: Vec<_> = samples.iter().map(Sample::as_new).collect();
    journal.submit(lane, &records)
}

#[track_caller]
pub(super) fn submit(journal: &Arc<dyn Journal>, lane: Lane, samples: &[Sample]) -> Ticket {
    try_submit(journal, lane, samples).expect("a sound submission")
}

/// Waits as a caller would, but not for ever.
#[track_caller]
pub(super) fn wait(
    durable: impl Future<Output = Result<(), CommitError>> + Send + 'static,
) -> Result<(), CommitError> {
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || done.send(block_on(durable)));
    outcome.recv_timeout(NEVER).expect("an end to the wait")
}

/// Submits and waits until it is durable; says where it stands.
#[track_caller]
pub(super) fn append(journal: &Arc<dyn Journal>, lane: Lane, samples: &[Sample]) -> Vec<Appended> {
    let ticket = submit(journal, lane, samples);
    wait(ticket.durable()).expect("a durable submission");
    ticket.appended().collect()
}

/// Appends numbered records, one submission each.
#[track_caller]
pub(super) fn append_numbers(
    journal: &Arc<dyn Journal>,
    lane: Lane,
    numbers: std::ops::RangeInclusive<u64>,
) {
    for number in numbers {
        append(journal, lane, &[Sample::number(number)]);
    }
}

#[track_caller]
pub(super) fn follow(journal: &Arc<dyn Journal>, lane: Lane, after: Seq) -> Box<dyn Follower> {
    journal.follow(lane, after).expect("a place to follow from")
}

/// The next records of a follower that has some.
#[track_caller]
pub(super) fn next_records(follower: &mut dyn Follower, max: usize) -> Vec<Record> {
    match follower.read(max) {
        Ok(Followed::Records(records)) if !records.is_empty() => records,
        other => panic!("records were expected, not {other:?}"),
    }
}

/// Everything durable after `after`, checked to be without a hole.
#[track_caller]
pub(super) fn read_all(journal: &Arc<dyn Journal>, lane: Lane, after: Seq) -> Vec<Record> {
    let mut follower = follow(journal, lane, after);
    let mut records: Vec<Record> = Vec::new();
    loop {
        match follower.read(16) {
            Ok(Followed::Records(next)) if !next.is_empty() => records.extend(next),
            Ok(Followed::UpToDate) => break,
            other => panic!("records were expected, not {other:?}"),
        }
    }
    for (seq, record) in (after.0 + 1..).zip(&records) {
        assert_eq!(record.position.seq, Seq(seq), "a hole or a repetition");
        assert_eq!(record.position.lane, lane);
    }
    records
}

/// The numbers in the payloads of records.
pub(super) fn numbers(records: &[Record]) -> Vec<u64> {
    let number = |record: &Record| std::str::from_utf8(&record.payload).unwrap().parse();
    records
        .iter()
        .map(|record| number(record).unwrap())
        .collect()
}
