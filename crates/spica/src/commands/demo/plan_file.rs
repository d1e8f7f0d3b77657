//! The plan file of a demo: Anna is told at once, Bob if nobody has acknowledged by then.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use spica_settings::FilePath;

use crate::cli::Demo;

/// How long Anna has before Bob is told.
const SECOND_STEP: &str = "3s";

/// Writes the plan file into `dir`; `None` if the command line names no way out.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write(args: &Demo, dir: &Path) -> Result<Option<FilePath>> {
    let channels = channels(args)?;
    if channels.is_empty() {
        return Ok(None);
    }
    let file = dir.join("alarms.toml");
    let text = toml::to_string(&plans(args, &channels))?;
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Some(file.display().to_string().parse()?))
}

fn channels(args: &Demo) -> Result<Map<String, Value>> {
    let mut channels = Map::new();
    if let Some(server) = &args.smtp {
        let table = json!({
            "kind": "email",
            "host": server.host,
            "port": server.port,
            "tls": "none",
            "from": "Spica demo <spica@demo.example>",
        });
        channels.insert("mail".to_owned(), table);
    }
    if let Some(url) = &args.webhook {
        let mut table = json!({ "kind": "webhook", "url": url });
        if let Some(file) = &args.webhook_secret_file {
            // Else it would count from the directory of the plan file.
            let file = std::path::absolute(file)?;
            table["secret_file"] = json!(file.display().to_string());
        }
        channels.insert("webhook".to_owned(), table);
    }
    Ok(channels)
}

fn plans(args: &Demo, channels: &Map<String, Value>) -> Value {
    // Each step goes out by every channel, not by the first that works: a demo shows them all.
    let notify = |person: &str| -> Vec<Value> {
        let target = |channel| json!({ "person": person, "channels": [channel] });
        channels.keys().map(target).collect()
    };
    let mut file = json!({
        "channels": channels,
        "people": { "anna": person("Anna", channels), "bob": person("Bob", channels) },
        "plans": [{
            "name": "people in danger",
            "match": { "severity": "high", "sources": ["devices/#"] },
            "steps": [
                { "notify": notify("anna") },
                { "after": SECOND_STEP, "notify": notify("bob") },
            ],
        }],
    });
    if args.http.port() != 0 {
        file["link_base"] = json!(format!("http://{}", args.http));
    }
    file
}

fn person(name: &str, channels: &Map<String, Value>) -> Value {
    let address = |channel: &String| {
        let local = name.to_lowercase();
        let address = match channel.as_str() {
            "mail" => format!("{local}@demo.example"),
            _ => local,
        };
        (channel.clone(), Value::from(address))
    };
    let addresses: Map<String, Value> = channels.keys().map(address).collect();
    json!({ "name": name, "addresses": addresses })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::Parser as _;
    use spica_clock::{SharedClock, SystemClock};
    use spica_node::alarms::load_plans;

    use super::*;
    use crate::cli::{Cli, Command};

    fn file(flags: &[&str], dir: &Path) -> Option<FilePath> {
        let cli = Cli::parse_from(["spica", "demo"].iter().chain(flags));
        let Command::Demo(args) = cli.command else {
            unreachable!("it is the demo");
        };
        write(&args, dir).unwrap()
    }

    #[test]
    fn the_plan_file_is_one_that_a_node_takes() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("a \"secret\"");
        std::fs::write(&secret, "hush").unwrap();
        let mail = ["--smtp", "127.0.0.1:1025"];
        let secret = secret.to_str().unwrap();
        let hook = [
            "--webhook",
            "http://127.0.0.1:1/x",
            "--webhook-secret-file",
            secret,
        ];
        let clock: SharedClock = Arc::new(SystemClock);
        crate::commands::install_crypto();
        for (flags, count) in [
            (mail.to_vec(), 1),
            (hook.to_vec(), 1),
            ([&mail[..], &hook].concat(), 2),
        ] {
            let file = file(&flags, dir.path()).unwrap();
            let loaded = load_plans(Some(file.as_path()), &clock).unwrap();
            assert_eq!(loaded.plans.channels().count(), count, "{flags:?}");
        }
        assert_eq!(file(&[], dir.path()), None);
    }
}
