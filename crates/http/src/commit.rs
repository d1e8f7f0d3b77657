//! Writing records, and waiting until they may be acknowledged.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use spica_journal::{Appended, Ticket};
use spica_model::{Key, Lane, NewRecord, Seq, Topic};

use crate::problem::Problem;
use crate::state::App;

/// Submits `records` to one lane and returns once they are durable and the views show them.
///
/// # Errors
/// If the journal refuses them or cannot commit: nothing may be acknowledged then.
pub(crate) async fn commit(
    app: &App,
    lane: Lane,
    records: &[NewRecord<'_>],
) -> Result<Vec<Appended>, Problem> {
    let ticket = app.parts.journal.submit(lane, records)?;
    settle(app, lane, ticket).await
}

/// Waits until what `ticket` stands for is durable and the views show it.
///
/// # Errors
/// If the journal cannot commit.
pub(crate) async fn settle(
    app: &App,
    lane: Lane,
    ticket: Ticket,
) -> Result<Vec<Appended>, Problem> {
    ticket.durable().await?;
    let appended: Vec<_> = ticket.appended().collect();
    let duplicates = appended.iter().filter(|a| a.duplicate).count() as u64;
    app.parts
        .metrics
        .published(lane, appended.len() as u64 - duplicates, duplicates);
    shown(app, lane, ticket.waits_for()).await;
    Ok(appended)
}

/// Waits until the views show the lane up to `seq`. Not for ever: the record is durable, and views
/// that are far behind change nothing about that.
pub(crate) async fn shown(app: &App, lane: Lane, seq: Seq) {
    let applied = app.parts.views.applied(lane, seq);
    if tokio::time::timeout(app.settings.views_timeout.into(), applied)
        .await
        .is_err()
    {
        app.parts.metrics.unapplied.inc();
    }
}

/// A client's idempotency key as the journal keeps it: a hash of the client's token, the topic and
/// the key, so that neither two clients nor two topics collide.
pub(crate) fn scoped_key(client: &str, topic: &Topic, key: &str) -> Option<Key> {
    let mut hash = Sha256::new();
    for part in ["http/1", client, topic.as_str(), key] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    Key::new(digest[..16].to_vec()).ok()
}

/// Refuses topics that would be new when the state tree is full.
///
/// # Errors
/// 503: some must be deleted first.
pub(crate) fn room_for(app: &App, topics: &[&Topic]) -> Result<(), Problem> {
    let limit = app.parts.views.settings().max_topics;
    let held = app.parts.views.topics();
    if held + topics.len() <= limit {
        return Ok(());
    }
    let distinct: HashSet<&Topic> = topics.iter().copied().collect();
    let new = distinct
        .into_iter()
        .filter(|topic| app.parts.views.get(topic).is_none())
        .count();
    if held + new <= limit {
        return Ok(());
    }
    Err(Problem::busy(format!(
        "there are {held} topics, the limit is {limit} (views.max_topics): delete some first"
    )))
}
