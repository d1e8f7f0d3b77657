//! `spica token`: make, list and revoke access tokens.

use anyhow::Result;
use serde_json::{Value, json};

use super::device::cell;
use crate::api::Api;
use crate::cli::Token;
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, or the node refuses.
pub(crate) async fn run(command: Token) -> Result<()> {
    match command {
        Token::Add {
            hub,
            name,
            role,
            serial,
        } => {
            let mut body = json!({ "name": name, "role": role });
            if let Some(serial) = serial {
                body["serial"] = json!(serial);
            }
            let token = Api::new(&hub)?.post(&["tokens"], &body).await?;
            out::note(format_args!(
                "token {} ({role}); it is not shown again:",
                cell(&token, "id")
            ));
            out::line(cell(&token, "token"));
        }
        Token::List { hub } => {
            let list: Value = Api::new(&hub)?.get(&["tokens"], &[]).await?;
            let tokens = list["tokens"].as_array().cloned().unwrap_or_default();
            let columns = ["id", "name", "role", "serial", "created"];
            let rows: Vec<Vec<String>> = tokens
                .iter()
                .map(|token| columns.map(|key| cell(token, key)).to_vec())
                .collect();
            out::table(&columns, &rows);
        }
        Token::Remove { hub, id } => {
            Api::new(&hub)?.delete(&["tokens", &id]).await?;
            out::line(format_args!("token {id} is revoked"));
        }
    }
    Ok(())
}
