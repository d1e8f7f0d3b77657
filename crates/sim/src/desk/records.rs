//! Records as desks see them: made from the entries of a lane.
//!
//! A batch is one entry here, since a disk and a link keep it whole. A desk sees each of its records,
//! so a place of the desk's is a place of the lane and one within the batch.

use std::collections::BTreeMap;

use bytes::Bytes;
use spica_cases::Draft;
use spica_model::{
    ContentType, Epoch, Key, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

use super::site;
use crate::book::{Batch, Book, Report, Says};
use crate::words::{Entry, MS, WALL_ORIGIN};

/// Records of a batch at the most; and how far two places of a lane are apart for a desk.
const WITHIN: u64 = 1_024;

/// The first place of a lane that a desk with this mark has not wholly decided on.
pub(crate) const fn next_place(mark: Seq) -> u64 {
    let place = (mark.0 + 1) / WITHIN;
    if place == 0 { 1 } else { place }
}

/// The mark of a desk that has decided on a place and all before it.
pub(crate) const fn through(place: u64) -> Seq {
    Seq(place * WITHIN + WITHIN - 1)
}

/// Where a record stands that a desk sees.
fn position(lane: usize, place: u64, within: usize, entry: Entry) -> Position {
    Position {
        epoch: Epoch(entry.epoch),
        lane: Lane::ALL[lane],
        seq: Seq(place * WITHIN + within as u64),
    }
}

/// The cause of what was decided on the report at this place.
pub(crate) fn cause_of(lane: usize, place: u64, entry: Entry) -> String {
    format!("record:{}", position(lane, place, 0, entry))
}

/// The values of all topics of desks, tombstones too, as the first `end` entries of the critical
/// lane have them. What was entered again stands elsewhere: a desk's decisions are those of one reign.
/// `plant`: unless it is not older than what its topic has, as it is with values.
pub(crate) fn tree(entries: &[Entry], book: &Book, plant: bool) -> BTreeMap<Topic, Record> {
    let mut tree: BTreeMap<Topic, Record> = BTreeMap::new();
    for (place, entry) in (1..).zip(entries) {
        let Some(batch) = book.batch(entry.key) else {
            continue;
        };
        for (within, draft) in batch.drafts.iter().enumerate() {
            let newest = || tree.get(&draft.topic).map(|record| record.received);
            if draft.kind == Kind::State && !is_late(*entry, batch, plant, newest) {
                let record = record_of(batch, draft, position(0, place, within, *entry));
                tree.insert(draft.topic.clone(), record);
            }
        }
    }
    tree
}

fn is_late(
    entry: Entry,
    batch: &Batch,
    plant: bool,
    newest: impl FnOnce() -> Option<Timestamp>,
) -> bool {
    entry.epoch != batch.epoch && (!plant || newest() > Some(batch.received))
}

fn record_of(batch: &Batch, draft: &Draft, position: Position) -> Record {
    Record {
        position,
        topic: draft.topic.clone(),
        kind: draft.kind,
        op: draft.op,
        quality: Quality::Good,
        received: batch.received,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::from(draft.payload.clone()),
        key: draft.key.clone(),
        cause: draft.cause.clone(),
        properties: None,
    }
}

/// What a desk decides on at a place: a report; or what another desk had decided and that was entered
/// again here. What desks wrote in their own reigns is known and says nothing new.
pub(crate) fn records(
    lane: usize,
    place: u64,
    entries: &[Entry],
    book: &Book,
    plant: bool,
) -> Vec<Record> {
    let Some(entry) = entries.get(place as usize - 1).copied() else {
        return Vec::new();
    };
    match book.fact(entry.key).says {
        Says::Report { report } => {
            let report = book.reports[report as usize];
            report_of(report, position(lane, place, 0, entry), entry)
                .into_iter()
                .collect()
        }
        Says::Decided { batch } => {
            let batch = &book.batches[batch as usize];
            if batch.epoch == entry.epoch {
                return Vec::new();
            }
            let before = tree(&entries[..place as usize - 1], book, plant);
            let drafts = batch.drafts.iter().enumerate();
            let again = |(within, draft): (usize, &Draft)| {
                let newest = || before.get(&draft.topic).map(|record| record.received);
                let record = record_of(batch, draft, position(lane, place, within, entry));
                entered_again(record, is_late(entry, batch, plant, newest))
            };
            drafts.map(again).collect()
        }
        _ => Vec::new(),
    }
}

/// As the link's shell does it.
fn entered_again(mut record: Record, late: bool) -> Record {
    if late && record.kind == Kind::State {
        let rest = record.topic.below(site::node().as_str());
        let path = format!("system/pair/late/{}", rest.unwrap_or_default());
        record.topic = site::node().join(&path).unwrap_or(record.topic);
        record.kind = Kind::Event;
    }
    record.key = Key::new(format!("reentered:{}", record.position)).ok();
    record
}

fn report_of(report: Report, position: Position, entry: Entry) -> Option<Record> {
    let path = format!("devices/{:07}/events/{}", report.device, report.name);
    let minutes = f64::from(report.seconds) / 60.0;
    let payload = format!(
        r#"{{"event":"{}","detail":{{"minutes":{minutes}}}}}"#,
        report.name
    );
    Some(Record {
        position,
        topic: site::node().join(&path).ok()?,
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: site::wall(entry.received),
        source_time: Some(happened(report)),
        content_type: ContentType::Json,
        payload: Bytes::from(payload),
        key: None,
        cause: None,
        properties: None,
    })
}

/// When a report happened: devices have right clocks.
fn happened(report: Report) -> Timestamp {
    let milliseconds = WALL_ORIGIN + (report.at / MS) as i64;
    site::wall(u32::try_from(milliseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_within_a_batch_goes_on_in_that_batch() {
        assert_eq!(next_place(Seq(0)), 1);
        assert_eq!(next_place(Seq(WITHIN + 5)), 1);
        assert_eq!(next_place(through(1)), 2);
        assert_eq!(next_place(through(7)), 8);
    }
}
