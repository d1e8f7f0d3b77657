//! `spica ban`: see, set and lift bans.

use anyhow::Result;
use serde_json::{Value, json};

use super::device::cell;
use crate::api::Api;
use crate::cli::Ban;
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, or the node refuses.
pub(crate) async fn run(command: Ban) -> Result<()> {
    match command {
        Ban::Add {
            hub,
            source,
            duration,
            reason,
        } => {
            let body = json!({ "source": source, "for": duration, "reason": reason });
            let ban = Api::new(&hub)?.post(&["bans"], &body).await?;
            out::line(format_args!(
                "banned {source} until {}",
                cell(&ban, "until")
            ));
        }
        Ban::List { hub } => {
            let list: Value = Api::new(&hub)?.get(&["bans"], &[]).await?;
            let bans = list["bans"].as_array().cloned().unwrap_or_default();
            let columns = ["source", "until", "reason"];
            let rows: Vec<Vec<String>> = bans
                .iter()
                .map(|ban| columns.map(|key| cell(ban, key)).to_vec())
                .collect();
            out::table(&columns, &rows);
        }
        Ban::Remove { hub, source } => {
            let segments: Vec<&str> = std::iter::once("bans").chain(source.split('/')).collect();
            Api::new(&hub)?.delete(&segments).await?;
            out::line(format_args!("{source} may connect again"));
        }
    }
    Ok(())
}
