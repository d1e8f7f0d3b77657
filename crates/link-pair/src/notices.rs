//! What operators must hear: in the log at once, and as critical records once this node may write.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;
use spica_journal::Journal as _;
use spica_journal_file::FileJournal;
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Seq, Timestamp, Topic};
use spica_pair::{Notice, Status};

/// How many are kept for people who ask, and how many wait to become records.
const KEPT: usize = 32;

/// What was said lately.
pub(crate) struct Notices {
    journal: Arc<FileJournal>,
    node: Topic,
    said: VecDeque<Arc<str>>,
    waiting: VecDeque<(Topic, Vec<u8>, Timestamp)>,
    /// Where those stand that became records, the newest last.
    placed: VecDeque<Seq>,
}

impl Notices {
    pub(crate) const fn new(journal: Arc<FileJournal>, node: Topic) -> Self {
        Self {
            journal,
            node,
            said: VecDeque::new(),
            waiting: VecDeque::new(),
            placed: VecDeque::new(),
        }
    }

    /// Says something, at this time.
    pub(crate) fn tell(&mut self, notice: &Notice, status: &Status, now: Timestamp) {
        match notice {
            Notice::Active { .. } | Notice::PartnerBack | Notice::Complete => {
                tracing::info!(epoch = status.epoch.0, "pair: {notice}");
            }
            _ => tracing::warn!(epoch = status.epoch.0, "pair: {notice}"),
        }
        let text: Arc<str> = format!("{now} {notice}").into();
        keep(&mut self.said, text);
        let Ok(topic) = Topic::new(format!("{}/system/pair/{}", self.node, notice.name())) else {
            return;
        };
        let content = json!({
            "notice": notice.name(),
            "text": notice.to_string(),
            "side": status.side.as_str(),
            "state": status.state.as_str(),
            "epoch": status.epoch.0,
        });
        keep(
            &mut self.waiting,
            (topic, content.to_string().into_bytes(), now),
        );
    }

    /// Makes records of what waits. Nobody waits for them: what becomes of a lane that fails is
    /// everybody's trouble.
    pub(crate) fn record(&mut self) {
        while let Some((topic, payload, received)) = self.waiting.front() {
            let record = NewRecord {
                topic,
                kind: Kind::Event,
                op: Op::Put,
                quality: Quality::Good,
                received: *received,
                source_time: None,
                content_type: &ContentType::Json,
                payload,
                key: None,
                cause: None,
                properties: None,
            };
            let Ok(ticket) = self.journal.submit(Lane::Critical, &[record]) else {
                return;
            };
            keep(&mut self.placed, ticket.waits_for());
            self.waiting.pop_front();
        }
    }

    /// Whether records wait for their acknowledgement that are no notices: somebody wants something.
    pub(crate) fn others_wait(&mut self) -> bool {
        let waiting = |lane| {
            let status = self.journal.status(lane);
            (
                status.last.0.saturating_sub(status.durable.0),
                status.durable,
            )
        };
        let ((critical, durable), (normal, _)) = (waiting(Lane::Critical), waiting(Lane::Normal));
        while self.placed.pop_front_if(|seq| *seq <= durable).is_some() {}
        normal > 0 || critical > self.placed.len() as u64
    }

    /// What was said lately, the newest last.
    pub(crate) fn said(&self) -> Vec<Arc<str>> {
        self.said.iter().cloned().collect()
    }
}

fn keep<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() >= KEPT {
        list.pop_front();
    }
    list.push_back(item);
}
