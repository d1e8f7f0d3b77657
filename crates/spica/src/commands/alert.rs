//! `spica alert`: the alarm desk, its channels, and plan files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use spica_clock::{SharedClock, SystemClock};
use spica_node::alarms::load_plans;

use super::device::cell;
use crate::api::Api;
use crate::cli::{Alert, Hub};
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, the node refuses, or a plan file is wrong.
pub(crate) async fn run(command: Alert) -> Result<()> {
    match command {
        Alert::Status { hub, json } => status(&hub, json).await,
        Alert::Test { hub, to } => test(&hub, &to).await,
        Alert::Check { file } => check(&file),
    }
}

async fn status(hub: &Hub, json: bool) -> Result<()> {
    let status: Value = Api::new(hub)?.get(&["alerts"], &[]).await?;
    if json {
        return Ok(out::json(&status)?);
    }
    for key in [
        "serves",
        "open_cases",
        "behind_critical",
        "behind_normal",
        "next_due",
    ] {
        out::line(format_args!("{key:<16} {}", cell(&status, key)));
    }
    let channels = status["channels"].as_array().cloned().unwrap_or_default();
    let columns = [
        "name",
        "kind",
        "well",
        "delivered",
        "retries",
        "refused",
        "in_flight",
        "last_delivered",
        "last_failure",
    ];
    let rows: Vec<Vec<String>> = channels
        .iter()
        .map(|channel| columns.map(|key| cell(channel, key)).to_vec())
        .collect();
    let header = [
        "CHANNEL",
        "KIND",
        "WELL",
        "DELIVERED",
        "RETRIES",
        "REFUSED",
        "ON ITS WAY",
        "LAST DELIVERED",
        "LAST FAILURE",
    ];
    out::table(&header, &rows);
    Ok(())
}

async fn test(hub: &Hub, to: &str) -> Result<()> {
    let done = Api::new(hub)?
        .post(&["alerts", "test"], &json!({ "to": to }))
        .await?;
    let count = done["notices"].as_array().map_or(0, Vec::len);
    out::line(format_args!(
        "{count} test messages are on their way to {to}; `spica alert status` shows what became of them"
    ));
    Ok(())
}

fn check(file: &Path) -> Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    match load_plans(Some(file), &clock) {
        Ok(_) => {
            out::line(format_args!("{} is right", file.display()));
            Ok(())
        }
        Err(error) => bail!("{error}"),
    }
}
