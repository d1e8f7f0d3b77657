//! `spica handler`: durable consumers of the journal, and what they could not handle.

use anyhow::Result;
use serde_json::{Value, json};

use super::device::cell;
use crate::api::Api;
use crate::cli::{Handler, Hub};
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, or the node refuses.
pub(crate) async fn run(command: Handler) -> Result<()> {
    match command {
        Handler::List { hub, json } => list(&hub, json).await,
        Handler::Pause { hub, name, why } => order(&hub, &name, "pause", &why).await,
        Handler::Resume { hub, name, why } => order(&hub, &name, "resume", &why).await,
        Handler::Dead {
            hub,
            name,
            limit,
            json,
        } => dead(&hub, &name, limit, json).await,
        Handler::Replay { hub, name, id } => {
            letters(&hub, &name, &json!({ "do": "replay", "id": id })).await
        }
        Handler::Drop {
            hub,
            name,
            id,
            all: _,
            why,
        } => letters(&hub, &name, &json!({ "do": "drop", "id": id, "why": why })).await,
    }
}

async fn list(hub: &Hub, json: bool) -> Result<()> {
    let list: Value = Api::new(hub)?.get(&["handlers"], &[]).await?;
    let handlers = list["handlers"].as_array().cloned().unwrap_or_default();
    if json {
        return Ok(handlers.iter().try_for_each(out::json)?);
    }
    let columns = [
        "name",
        "class",
        "state",
        "lag_records",
        "lag_seconds",
        "handled",
        "retries",
        "restarts",
        "dead_letters",
        "last_error",
    ];
    let rows: Vec<Vec<String>> = handlers
        .iter()
        .map(|handler| columns.map(|key| cell(handler, key)).to_vec())
        .collect();
    let header = [
        "HANDLER",
        "LANE",
        "STATE",
        "BEHIND",
        "SECONDS",
        "HANDLED",
        "RETRIES",
        "RESTARTS",
        "DEAD",
        "LAST ERROR",
    ];
    out::table(&header, &rows);
    Ok(())
}

async fn order(hub: &Hub, name: &str, verb: &str, why: &str) -> Result<()> {
    let body = json!({ "do": verb, "why": why });
    Api::new(hub)?.post(&["handlers", name], &body).await?;
    out::line(format_args!("{name}: {verb}d"));
    Ok(())
}

async fn dead(hub: &Hub, name: &str, limit: usize, json: bool) -> Result<()> {
    let limit = limit.to_string();
    let path = ["handlers", name, "dead-letters"];
    let page: Value = Api::new(hub)?.get(&path, &[("limit", &limit)]).await?;
    let letters = page["letters"].as_array().cloned().unwrap_or_default();
    if json {
        return Ok(letters.iter().try_for_each(out::json)?);
    }
    let columns = ["id", "topic", "attempts", "last_failed", "error"];
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| columns.map(|key| cell(letter, key)).to_vec())
        .collect();
    out::table(
        &["LETTER", "TOPIC", "ATTEMPTS", "LAST FAILED", "ERROR"],
        &rows,
    );
    out::note(format_args!("{} in all", cell(&page, "total")));
    Ok(())
}

async fn letters(hub: &Hub, name: &str, body: &Value) -> Result<()> {
    let path = ["handlers", name, "dead-letters"];
    let done = Api::new(hub)?.post(&path, body).await?;
    out::line(format_args!(
        "{name}: {} handled, {} failed again, {} still to be tried, {} dropped",
        cell(&done, "done"),
        cell(&done, "failed"),
        cell(&done, "pending"),
        cell(&done, "dropped")
    ));
    Ok(())
}
