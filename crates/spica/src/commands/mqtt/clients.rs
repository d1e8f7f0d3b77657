//! `spica mqtt clients`, `kick`, `sessions`, `reload`: what an operator sees of the station.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::Api;
use crate::cli::{Hub, MqttKick, MqttList, MqttSessions};
use crate::commands::device::cell;
use crate::out;

/// All items of a list that comes in pages.
async fn all(api: &Api, what: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let query = after.as_deref().map(|after| ("after", after));
        let page: Value = api.get(&["mqtt", what], query.as_slice()).await?;
        items.extend(page[what].as_array().cloned().unwrap_or_default());
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return Ok(items);
        }
    }
}

fn print(items: &[Value], is_json: bool, columns: &[&str]) {
    if is_json {
        items.iter().for_each(out::line);
        return;
    }
    let row = |item: &Value| columns.iter().map(|key| cell(item, key)).collect();
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    out::table(columns, &rows);
}

pub(super) async fn clients(args: MqttList) -> Result<()> {
    let mut clients = all(&Api::new(&args.hub)?, "clients").await?;
    if !args.json {
        for client in &mut clients {
            for key in ["subscriptions", "queued", "in_flight"] {
                client[key] = client["session"][key].take();
            }
        }
    }
    let columns = [
        "id",
        "user",
        "address",
        "version",
        "since",
        "subscriptions",
        "queued",
        "in_flight",
        "denied",
    ];
    print(&clients, args.json, &columns);
    Ok(())
}

pub(super) async fn kick(args: MqttKick) -> Result<()> {
    let api = Api::new(&args.hub)?;
    api.delete(&["mqtt", "clients", &args.id]).await?;
    out::line(format_args!("{} is cut off", args.id));
    Ok(())
}

pub(super) async fn sessions(args: MqttSessions) -> Result<()> {
    let api = Api::new(&args.list.hub)?;
    if let Some(id) = &args.end {
        api.delete(&["mqtt", "sessions", id]).await?;
        out::line(format_args!("the session of {id} is no more"));
        return Ok(());
    }
    let sessions = all(&api, "sessions").await?;
    let columns = [
        "id",
        "user",
        "connected",
        "since",
        "expiry_s",
        "subscriptions",
        "queued",
        "in_flight",
        "behind",
    ];
    print(&sessions, args.list.json, &columns);
    Ok(())
}

pub(super) async fn reload(hub: Hub) -> Result<()> {
    let info = Api::new(&hub)?
        .post(&["mqtt", "reload"], &json!({}))
        .await?;
    out::line(format_args!(
        "access is read again: {} roles, {} users in the access file",
        cell(&info, "roles"),
        cell(&info, "users")
    ));
    let waiting = info["needs_restart"].as_array().into_iter().flatten();
    let waiting: Vec<&str> = waiting.filter_map(Value::as_str).collect();
    if !waiting.is_empty() {
        out::line(format_args!("needs a restart: {}", waiting.join(", ")));
    }
    Ok(())
}
