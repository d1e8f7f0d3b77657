//! Going on from the journal: what a live stream has missed, as events.

use std::sync::Arc;

use serde::Serialize;
use spica_model::Lane;

use crate::place::Place;
use crate::problem::Problem;
use crate::record_json;
use crate::scan::{Found, Scan, Wanted, Window};
use crate::sse;
use crate::state::App;
use crate::tables::{DamagedBody, GapBody};

/// Records of the journal that one step reads.
const STEP_RECORDS: usize = 5_000;
/// Bytes after which a step ends.
const STEP_BYTES: usize = 64 << 10;

/// A part of the journal on its way to a client.
pub(super) struct Replay {
    scan: Box<Scan>,
    /// Where it ends.
    pub(super) until: Place,
}

/// What a step of a replay brought.
pub(super) struct Step {
    /// The events.
    pub(super) out: Vec<u8>,
    /// The place after them.
    pub(super) place: Place,
    /// What is left, if anything is.
    pub(super) rest: Option<Replay>,
}

impl Replay {
    /// What lies between two places; `None` if it is too much, or `place` is none of this history.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(super) async fn between(
        app: App,
        wanted: Arc<Wanted>,
        place: Place,
        until: Place,
    ) -> Result<Option<Self>, Problem> {
        let behind = |lane| until.seq(lane).0.saturating_sub(place.seq(lane).0);
        if Lane::ALL.into_iter().map(behind).sum::<u64>() > app.settings.resume_limit {
            return Ok(None);
        }
        let offload = app.offload.clone();
        let work = move || {
            let journal = &*app.parts.journal;
            if !spica_journal::knows(journal, &place, &Lane::ALL)? {
                return Ok(None);
            }
            let lanes = Lane::ALL.to_vec();
            let window = Window {
                lanes,
                after: Some(place),
                until: Some(until),
            };
            let scan = Box::new(Scan::new(journal, &window, wanted)?);
            Ok(Some(Self { scan, until }))
        };
        offload.run(work).await?
    }

    /// Some more of it.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(super) async fn step(self, app: &App) -> Result<Step, Problem> {
        let metrics = app.parts.metrics.clone();
        let work = move || {
            let mut budget = STEP_RECORDS;
            let step = self.read(&mut budget, |records| {
                metrics.stream_records.inc_by(records);
            });
            metrics.scanned.inc_by((STEP_RECORDS - budget) as u64);
            step
        };
        app.offload.run(work).await?
    }

    fn read(mut self, budget: &mut usize, sent: impl Fn(u64)) -> Result<Step, Problem> {
        let mut out = Vec::new();
        while out.len() < STEP_BYTES {
            match self.scan.next(budget)? {
                Found::Record(record) => {
                    let (place, json) = (self.scan.place(), record_json::encode(&record));
                    sse::event(&mut out, "record", Some(&place), &json);
                    sent(1);
                }
                Found::Gap { lane, from, to } => {
                    say(&mut out, "gap", &GapBody::new(lane, from, to));
                }
                Found::Damaged(damage) => say(&mut out, "damaged", &DamagedBody::from(&damage)),
                Found::Paused => break,
                Found::End => {
                    return Ok(Step {
                        out,
                        place: self.until,
                        rest: None,
                    });
                }
            }
        }
        Ok(Step {
            out,
            place: self.scan.place(),
            rest: Some(self),
        })
    }
}

/// An event without an id.
pub(super) fn say(out: &mut Vec<u8>, name: &str, body: &impl Serialize) {
    sse::event(
        out,
        name,
        None,
        serde_json::json!(body).to_string().as_bytes(),
    );
}
