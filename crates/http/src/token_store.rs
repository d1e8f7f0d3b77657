//! Tokens as records, and the first one.

use serde_json::json;
use spica_clock::Clock;
use spica_journal::{CommitError, Journal, SubmitError};
use spica_model::{Lane, Topic, TopicError};
use spica_views::Views;

use crate::facts::{Author, Fact};
use crate::token::{Role, Secret, StoredToken};

/// Most tokens.
pub(crate) const TOKENS: usize = 1_000;

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system has no random bytes.
    #[error("there are no random bytes for a token: {0}")]
    Random(#[from] getrandom::Error),
    /// The node's path leaves no room below it.
    #[error("the node's path leaves no room for tokens: {0}")]
    Topic(#[from] TopicError),
    /// The journal did not take the record.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The journal cannot commit it.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// The topic below which tokens are.
pub(crate) fn root(node: &Topic) -> String {
    format!("{node}/system/tokens")
}

/// The topic of one token.
///
/// # Errors
/// If the node's path leaves no room for it.
pub(crate) fn topic(node: &Topic, id: &str) -> Result<Topic, TopicError> {
    node.join(&format!("system/tokens/{id}"))
}

/// All tokens with their ids, in the order of these.
pub(crate) fn all(views: &Views) -> Vec<(String, StoredToken)> {
    let root = root(views.node());
    let records = views.subtree(&root, None, TOKENS + 1);
    let read = |record: &spica_model::Record| {
        let id = record.topic.below(&root)?.to_owned();
        Some((id, serde_json::from_slice(&record.payload).ok()?))
    };
    records.iter().filter_map(read).collect()
}

/// A token that is to be made, with the records that make it.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) stored: StoredToken,
    pub(crate) facts: [Fact; 2],
}

/// A new token.
///
/// # Errors
/// If there are no random bytes, or the node's path leaves no room.
pub(crate) fn make(
    node: &Topic,
    author: &Author,
    name: String,
    role: Role,
    serial: Option<String>,
) -> Result<Made, TokenError> {
    let secret = Secret::generate()?;
    let hash = secret.hash();
    let id = hash.id();
    let detail = json!({ "name": name, "role": role, "serial": serial });
    let stored = StoredToken {
        name,
        role,
        sha256: hash.hex(),
        created: author.at.to_string(),
        serial,
    };
    let payload = json!(stored).to_string().into_bytes();
    let facts = [
        author.state(topic(node, &id)?, Some(payload)),
        author.audit(node, "tokens", "token.add", &id, detail)?,
    ];
    Ok(Made {
        id,
        secret,
        stored,
        facts,
    })
}

/// Makes an admin's token if there is none: the first start of a node. It is durable and in effect
/// when this returns; show it to the operator, it is kept nowhere.
///
/// # Errors
/// If it cannot be made, or the journal takes nothing.
pub async fn bootstrap(
    journal: &dyn Journal,
    views: &Views,
    clock: &dyn Clock,
) -> Result<Option<Secret>, TokenError> {
    if all(views)
        .iter()
        .any(|(_, token)| token.role == Role::Admin)
    {
        return Ok(None);
    }
    let author = Author {
        by: "first-start".into(),
        at: clock.wall(),
    };
    let made = make(
        views.node(),
        &author,
        "first-admin".into(),
        Role::Admin,
        None,
    )?;
    let ticket = journal.submit(Lane::Normal, &made.facts.each_ref().map(Fact::as_new))?;
    ticket.durable().await?;
    views.applied(Lane::Normal, ticket.waits_for()).await;
    Ok(Some(made.secret))
}
