//! The desk of the active: what becomes of each record, and when it is durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use spica_clock::SharedClock;
use spica_journal::{CommitError, FollowError, Journal as _, SubmitError, Ticket};
use spica_journal_file::{FileJournal, Tail, Tailed};
use spica_journal_format::Item;
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic,
};
use spica_pair_proto::{AsideEnds, Control, Reentered, SentBatch};
use tokio::sync::mpsc;

use crate::metrics::Metrics;

use super::{Entered, Shows, account, again::again, past::Past};

/// The pause before a lane that is full, or views that are behind, are tried again.
const PAUSE: Duration = Duration::from_millis(50);
/// How many records the views may be behind while it is looked what a topic has.
const BEHIND_MAX: u64 = 4_096;

/// Where one desk decides; see `docs/cases.md`.
const DECIDED: &str = "alarms/";

/// Enters records that were put aside into the journal of this node, which is active.
#[derive(Clone)]
pub(crate) struct Counter {
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) shows: Arc<dyn Shows>,
    pub(crate) node: Topic,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: Metrics,
}

/// What a passive brings.
pub(crate) enum Work {
    /// Records.
    Records(SentBatch),
    /// The end of a file.
    Ends(AsideEnds),
}

/// Why records cannot be entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnterError {
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Read(#[from] FollowError),
    #[error(
        "records of this node's {lane} lane are damaged from {from} on: what its topics have is not known"
    )]
    Damaged { lane: Lane, from: Seq },
    #[error("what the partner sent is damaged")]
    Broken,
}

/// What is known of the topics of some records.
struct Looked {
    /// Which of the records come late.
    late: Vec<bool>,
    /// The newest record that was looked at; none if nothing depends on it.
    up_to: Option<Tail>,
}

impl Counter {
    /// Enters records; returns when all of them are durable.
    pub(crate) async fn enter(
        &self,
        lane: Lane,
        records: &[Record],
    ) -> Result<Entered, EnterError> {
        let past = Past::of(&self.journal, lane)?;
        let is_known = |record: &Record| record.is_restated() || past.knows(record);
        let new: Vec<&Record> = records.iter().filter(|record| !is_known(record)).collect();
        let mut counts = Entered {
            known: (records.len() - new.len()) as u32,
            ..Entered::default()
        };
        if !new.is_empty() {
            let (ticket, late) = self.place(lane, &new).await?;
            ticket.durable().await?;
            for (appended, late) in ticket.appended().zip(late) {
                if appended.duplicate {
                    counts.known += 1;
                } else {
                    counts.entered += 1;
                    counts.late += u32::from(late);
                }
            }
        }
        self.metrics.entered(counts);
        Ok(counts)
    }

    /// Places records; says which of them came late. Waits as long as there is no room.
    async fn place(
        &self,
        lane: Lane,
        records: &[&Record],
    ) -> Result<(Ticket, Vec<bool>), EnterError> {
        loop {
            let Some(Looked { late, up_to }) = self.look(lane, records)? else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let entries: Vec<Record> = records
                .iter()
                .zip(&late)
                .map(|(record, late)| again(record, &self.node, *late))
                .collect();
            let entries: Vec<NewRecord<'_>> = entries.iter().map(Record::as_new).collect();
            let placed = match &up_to {
                Some(tail) => self.journal.submit_after(lane, tail.after(), &entries),
                None => self.journal.submit(lane, &entries).map(Some),
            };
            match (placed, up_to) {
                (Ok(Some(ticket)), _) => return Ok((ticket, late)),
                // Others were faster: what they wrote may be newer.
                (Ok(None), Some(tail)) => tail.more().await?,
                (Ok(None), None) => {}
                (Err(SubmitError::Full { .. }), _) => tokio::time::sleep(PAUSE).await,
                (Err(error), _) => return Err(error.into()),
            }
        }
    }

    /// Looks which of the records are `state` that is older than what their topic has: in the views,
    /// and in what was placed since. `None` while the views are far behind.
    fn look(&self, lane: Lane, records: &[&Record]) -> Result<Option<Looked>, EnterError> {
        let is_state = |record: &Record| record.kind == Kind::State;
        if !records.iter().any(|record| is_state(record)) {
            let late = vec![false; records.len()];
            return Ok(Some(Looked { late, up_to: None }));
        }
        let mut tail = self.journal.tail(lane, self.shows.applied(lane));
        if tail.staged().0.saturating_sub(tail.after().0) > BEHIND_MAX {
            return Ok(None);
        }
        let placed = newest(&mut tail, lane)?;
        let late = records.iter().map(|record| {
            let has = self.shows.received(&record.topic);
            let has = has.max(placed.get(&record.topic).copied());
            is_state(record) && (self.is_decided(record) || has > Some(record.received))
        });
        Ok(Some(Looked {
            late: late.collect(),
            up_to: Some(tail),
        }))
    }

    /// Whether a record says how cases, alerts or the desk's mark stand. One desk decides on them, and
    /// what it has in mind is what their topics say: what another one decided meanwhile, also one that
    /// only did not know that its reign was over, is history, however new it looks. The facts that it
    /// decided on are entered again, and decided on here.
    fn is_decided(&self, record: &Record) -> bool {
        let path = record.topic.below(self.node.as_str());
        path.is_some_and(|path| path.starts_with(DECIDED))
    }

    /// Makes the critical record that says what became of a file; returns when it is durable. The
    /// same file makes no second one.
    pub(crate) async fn note(&self, ends: &AsideEnds) -> Result<(), EnterError> {
        let text = account(ends);
        let lane = Lane::from(ends.lane);
        let Ok(topic) = self.node.join("system/pair/diverged") else {
            // A node with so long a name has none of these records.
            return Ok(());
        };
        let content = json!({
            "notice": "diverged",
            "text": text,
            "lane": lane.as_str(),
            "epoch": ends.epoch,
            "from": ends.from,
            "to": ends.to,
            "entered": ends.entered,
            "late": ends.late,
            "known": ends.known,
            "copies": ends.copies,
            "unreadable": ends.unreadable,
        })
        .to_string();
        let key = Key::new(format!("reentered:{lane}/{}", ends.file)).ok();
        let cause = Cause::new(format!("record:{}/{lane}/{}", ends.epoch, ends.from)).ok();
        let record = NewRecord {
            topic: &topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: self.clock.wall(),
            source_time: None,
            content_type: &ContentType::Json,
            payload: content.as_bytes(),
            key: key.as_ref(),
            cause: cause.as_ref(),
            properties: None,
        };
        let ticket = loop {
            match self
                .journal
                .submit(Lane::Critical, std::slice::from_ref(&record))
            {
                Ok(ticket) => break ticket,
                Err(SubmitError::Full { .. }) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        };
        Ok(ticket.durable().await?)
    }

    async fn answer(&self, work: Work, lane_keys: [u64; 2]) -> Result<Control, EnterError> {
        let sent = match work {
            Work::Records(sent) => sent,
            Work::Ends(ends) => {
                self.note(&ends).await?;
                let (lane, file) = (ends.lane, ends.file);
                return Ok(Control::AsideNoted { lane, file });
            }
        };
        let (lane, header) = (sent.lane, sent.header);
        let batch = sent.into_batch(lane_keys[lane.index()]);
        let records = batch.records().map(|item| match item {
            Item::Record(record) => Ok(record),
            Item::Damaged { .. } => Err(EnterError::Broken),
        });
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let Entered {
            entered,
            known,
            late,
        } = self.enter(lane, &records).await?;
        Ok(Control::Reentered(Reentered {
            lane: lane.into(),
            epoch: header.epoch.0,
            last: header.next().0 - 1,
            entered,
            known,
            late,
        }))
    }
}

/// What a passive sent is entered, one piece after the other, and answered.
pub(crate) async fn serve(
    counter: Counter,
    lane_keys: [u64; 2],
    mut work: mpsc::Receiver<Work>,
    answers: mpsc::WeakSender<Control>,
) {
    while let Some(piece) = work.recv().await {
        let answer = match counter.answer(piece, lane_keys).await {
            Ok(answer) => answer,
            // It comes again to whoever is active next.
            Err(EnterError::Submit(SubmitError::Passive | SubmitError::Closed)) => continue,
            Err(error) => {
                tracing::error!(
                    "pair: records that the partner had put aside cannot be entered, and stay \
                     there: {error}"
                );
                continue;
            }
        };
        let Some(answers) = answers.upgrade() else {
            return;
        };
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}

/// When the last record of each topic was received that the rest of `tail` names.
fn newest(tail: &mut Tail, lane: Lane) -> Result<HashMap<Topic, Timestamp>, EnterError> {
    let mut newest = HashMap::new();
    loop {
        let batch = match tail.read()? {
            Tailed::Batch(batch) => batch,
            Tailed::UpToDate => return Ok(newest),
            Tailed::Gone(from) => return Err(EnterError::Damaged { lane, from }),
            Tailed::Damaged(damage) => {
                let from = damage.from;
                return Err(EnterError::Damaged { lane, from });
            }
        };
        for item in batch.records() {
            if let Item::Record(record) = item
                && !record.is_restated()
            {
                let received = newest.entry(record.topic).or_insert(record.received);
                *received = record.received.max(*received);
            }
        }
    }
}
