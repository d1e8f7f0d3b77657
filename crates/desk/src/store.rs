//! Drafts into the journal.

use spica_cases::Draft;
use spica_journal::{CommitError, Journal, SubmitError, Ticket};
use spica_model::{ContentType, Lane, NewRecord, Quality, Timestamp};

/// The lane of everything the desk writes: alarms are critical, and one lane makes one batch.
pub(crate) const LANE: Lane = Lane::Critical;

/// Why what was decided did not become durable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Appends drafts as one batch and waits until they are durable. Waits for room in the lane's queue,
/// since nothing else may be decided before.
///
/// # Errors
/// If the lane takes no records any more: this node does not serve, has failed or stops.
pub(crate) async fn store(
    journal: &dyn Journal,
    drafts: &[Draft],
    now: Timestamp,
) -> Result<(), StoreError> {
    if drafts.is_empty() {
        return Ok(());
    }
    let ticket = place(journal, drafts, now).await?;
    Ok(ticket.durable().await?)
}

async fn place(
    journal: &dyn Journal,
    drafts: &[Draft],
    received: Timestamp,
) -> Result<Ticket, StoreError> {
    let records: Vec<_> = drafts
        .iter()
        .map(|draft| NewRecord {
            topic: &draft.topic,
            kind: draft.kind,
            op: draft.op,
            quality: Quality::Good,
            received,
            source_time: None,
            content_type: &ContentType::Json,
            payload: &draft.payload,
            key: draft.key.as_ref(),
            cause: draft.cause.as_ref(),
            properties: None,
        })
        .collect();
    loop {
        match journal.submit(LANE, &records) {
            Ok(ticket) => return Ok(ticket),
            Err(SubmitError::Full { .. }) => {
                // There is room when something that waits has become durable.
                let next = journal.status(LANE).durable.next();
                journal.watermark(LANE).reached(next).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
