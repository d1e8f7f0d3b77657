//! From drafts to durable records: one submission per lane.

use spica_journal::Appended;
use spica_model::{Cause, Key, Lane, NewRecord, Op, Timestamp, Topic};

use crate::auth::Identity;
use crate::batch::Draft;
use crate::commit::{room_for, scoped_key, settle};
use crate::ownership::may_publish;
use crate::problem::{PartError, Problem};
use crate::state::App;
use crate::token::Role;

/// What became of the drafts: where each one stands, or why it stands nowhere.
pub(crate) struct Outcome {
    /// In the order of the drafts.
    pub(crate) appended: Vec<Option<Appended>>,
    /// Why a lane took nothing, if one did not.
    pub(crate) refused: Option<Problem>,
}

/// Publishes `drafts` for `identity`: all of a lane at once, critical first. Returns when everything
/// that was taken is durable and shown.
///
/// # Errors
/// If nothing was taken: a topic is not theirs, the state tree is full, or no lane took its part.
pub(crate) async fn publish(
    app: &App,
    identity: &Identity,
    drafts: &[Draft],
) -> Result<Outcome, Problem> {
    check(app, identity, drafts)?;
    let prepared = Prepared::new(app, identity, drafts);
    let mut outcome = Outcome {
        appended: vec![None; drafts.len()],
        refused: None,
    };
    let mut tickets = Vec::with_capacity(2);
    // Both lanes are under way before either is waited for.
    for lane in Lane::ALL {
        let (indices, records) = prepared.of(lane);
        if records.is_empty() {
            continue;
        }
        match app.parts.journal.submit(lane, &records) {
            Ok(ticket) => tickets.push((lane, indices, ticket)),
            Err(error) => outcome.refused = Some(error.into()),
        }
    }
    for (lane, indices, ticket) in tickets {
        match settle(app, lane, ticket).await {
            Ok(appended) => {
                for (index, appended) in indices.into_iter().zip(appended) {
                    outcome.appended[index] = Some(appended);
                }
            }
            Err(problem) => outcome.refused = Some(problem),
        }
    }
    match outcome.refused {
        Some(problem) if outcome.appended.iter().all(Option::is_none) => Err(problem),
        _ => Ok(outcome),
    }
}

fn check(app: &App, identity: &Identity, drafts: &[Draft]) -> Result<(), Problem> {
    device_is_known(app, identity)?;
    for (index, draft) in drafts.iter().enumerate() {
        may_publish(&app.names, identity, &draft.topic).map_err(|problem| {
            let detail = problem.detail().to_owned();
            problem.with_errors(vec![PartError {
                index: Some(index),
                field: Some("topic".into()),
                detail,
            }])
        })?;
    }
    let topics: Vec<&Topic> = drafts.iter().map(|draft| &draft.topic).collect();
    room_for(app, &topics)
}

fn device_is_known(app: &App, identity: &Identity) -> Result<(), Problem> {
    if identity.role != Role::Device {
        return Ok(());
    }
    let device = identity
        .serial
        .and_then(|serial| app.parts.views.device(&serial));
    if device.is_some_and(|device| device.registration.enabled) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "the device of this token is not registered, or is disabled",
    ))
}

/// The drafts with what the node adds.
struct Prepared<'a> {
    drafts: &'a [Draft],
    keys: Vec<Option<Key>>,
    cause: Option<Cause>,
    received: Timestamp,
}

impl<'a> Prepared<'a> {
    fn new(app: &App, identity: &Identity, drafts: &'a [Draft]) -> Self {
        let scoped = |draft: &Draft| scoped_key(&identity.id, &draft.topic, draft.key.as_ref()?);
        let keys = drafts.iter().map(scoped).collect();
        Self {
            drafts,
            keys,
            cause: identity.cause(),
            received: app.now(),
        }
    }

    /// The records of one lane, and which drafts they are.
    fn of(&self, lane: Lane) -> (Vec<usize>, Vec<NewRecord<'_>>) {
        let drafts = self.drafts.iter().zip(&self.keys).enumerate();
        drafts
            .filter(|(_, (draft, _))| draft.class == lane)
            .map(|(index, (draft, key))| (index, self.record(draft, key.as_ref())))
            .unzip()
    }

    fn record<'b>(&'b self, draft: &'b Draft, key: Option<&'b Key>) -> NewRecord<'b> {
        NewRecord {
            topic: &draft.topic,
            kind: draft.kind,
            op: Op::Put,
            quality: draft.quality,
            received: self.received,
            source_time: draft.source_time,
            content_type: &draft.content_type,
            payload: &draft.payload,
            key,
            cause: self.cause.as_ref(),
            properties: None,
        }
    }
}
