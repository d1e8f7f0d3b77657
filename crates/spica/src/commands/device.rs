//! `spica device`: the registry of devices and their commands.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::cli::{Device, Hub};
use crate::out;

/// Devices that one request lists.
const PAGE: &str = "1000";

/// Runs the command.
///
/// # Errors
/// If nobody answers, or the node refuses.
pub(crate) async fn run(command: Device) -> Result<()> {
    match command {
        Device::Import { hub, file } => import(&hub, &file).await,
        Device::List { hub, json } => list(&hub, json).await,
        Device::Show { hub, serial, json } => show(&hub, &serial, json).await,
        Device::Disable { hub, serial } => switch(&hub, &serial, "disable").await,
        Device::Enable { hub, serial } => switch(&hub, &serial, "enable").await,
        Device::Remove { hub, serial } => {
            Api::new(&hub)?.delete(&["devices", &serial]).await?;
            out::line(format_args!("{serial} is no longer registered"));
            Ok(())
        }
        add @ Device::Add { .. } => self::add(add).await,
        command @ Device::Command { .. } => self::command(command).await,
    }
}

async fn add(command: Device) -> Result<()> {
    let Device::Add {
        hub,
        serial,
        name,
        customer,
        note,
        check_in_minutes,
        grace_minutes,
        allowed_versions,
    } = command
    else {
        return Ok(());
    };
    let body = json!({
        "name": name, "customer": customer, "note": note, "enabled": true,
        "check_in_minutes": check_in_minutes, "grace_minutes": grace_minutes,
        "allowed_versions": allowed_versions,
    });
    Api::new(&hub)?.put(&["devices", &serial], &body).await?;
    out::line(format_args!("{serial} is registered"));
    Ok(())
}

async fn import(hub: &Hub, file: &Path) -> Result<()> {
    let bytes = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        bytes
    } else {
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?
    };
    let result = Api::new(hub)?
        .upload(&["devices", "import"], "text/csv", bytes)
        .await?;
    out::line(format_args!(
        "{} devices imported",
        cell(&result, "imported")
    ));
    Ok(())
}

async fn list(hub: &Hub, json: bool) -> Result<()> {
    let api = Api::new(hub)?;
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let mut query = vec![("limit", PAGE)];
        if !after.is_empty() {
            query.push(("after", &after));
        }
        let page: Value = api.get(&["devices"], &query).await?;
        for device in page["devices"].as_array().into_iter().flatten() {
            if json {
                out::json(device)?;
            } else {
                let columns = [
                    "serial",
                    "name",
                    "customer",
                    "enabled",
                    "software_version",
                    "last_check_in",
                ];
                rows.push(columns.map(|key| cell(device, key)).to_vec());
            }
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    if !json {
        out::table(
            &[
                "SERIAL",
                "NAME",
                "CUSTOMER",
                "ENABLED",
                "SOFTWARE",
                "LAST CHECK-IN",
            ],
            &rows,
        );
    }
    Ok(())
}

async fn show(hub: &Hub, serial: &str, json: bool) -> Result<()> {
    let api = Api::new(hub)?;
    let device: Value = api.get(&["devices", serial], &[]).await?;
    let commands: Value = api.get(&["devices", serial, "commands"], &[]).await?;
    if json {
        return Ok(out::json(
            &json!({ "device": device, "commands": commands["commands"] }),
        )?);
    }
    for (key, value) in device.as_object().into_iter().flatten() {
        out::line(format_args!("{key:<18} {}", text(value)));
    }
    let rows: Vec<Vec<String>> = commands["commands"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|command| {
            ["id", "name", "state", "queued_at", "expires_at", "by"]
                .map(|key| cell(command, key))
                .to_vec()
        })
        .collect();
    if !rows.is_empty() {
        out::line("");
        out::table(
            &["COMMAND", "NAME", "STATE", "QUEUED", "EXPIRES", "BY"],
            &rows,
        );
    }
    Ok(())
}

async fn switch(hub: &Hub, serial: &str, verb: &str) -> Result<()> {
    Api::new(hub)?
        .post(&["devices", serial, verb], &Value::Null)
        .await?;
    out::line(format_args!("{serial} is {verb}d"));
    Ok(())
}

async fn command(command: Device) -> Result<()> {
    let Device::Command {
        hub,
        serial,
        name,
        minutes,
        text,
        event,
        hex,
        expires_in,
    } = command
    else {
        return Ok(());
    };
    let arguments = match hex {
        Some(hex) => json!(hex),
        None => {
            let mut fields = Map::new();
            fields.extend(minutes.map(|minutes| ("minutes".to_owned(), json!(minutes))));
            fields.extend(text.map(|text| ("text".to_owned(), json!(text))));
            fields.extend(event.map(|event| ("event".to_owned(), json!(event))));
            Value::Object(fields)
        }
    };
    let body = json!({ "name": name, "arguments": arguments, "expires_in": expires_in });
    let queued = Api::new(&hub)?
        .post(&["devices", &serial, "commands"], &body)
        .await?;
    out::line(format_args!(
        "command {} for {serial} is {}",
        cell(&queued, "id"),
        cell(&queued, "state")
    ));
    Ok(())
}

/// A field of a JSON object as a table cell; `-` when it is missing or null.
pub(crate) fn cell(object: &Value, key: &str) -> String {
    object.get(key).map_or_else(|| "-".to_owned(), text)
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
