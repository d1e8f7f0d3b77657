//! Sends messages by one channel, to try it against a provider.
//!
//! ```text
//! send channels.toml < messages
//! ```
//!
//! The file holds one table `[channels.<name>]`, as in a plan file. Each line of the input is a
//! message as JSON: whatever of `number` (of its case), `attempt`, `key`, `reason`, `address`, `person`,
//! `subject`, `body`, `link`, `condition`, `severity`, `source`, `customer` differs from a sample. Each
//! outcome, and each event of the channel, is printed as a line of JSON. The channel is stopped when
//! the input ends.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use spica_alerts::{ChannelTable, Message, Outcome};
use spica_channels::{Surroundings, open};
use spica_clock::SystemClock;
use spica_notify::{Event, EventSink, SharedChannel, contract};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let file = std::env::args().nth(1).ok_or("usage: send channels.toml")?;
    let channel = opened(Path::new(&file))?;
    channel.start(EventSink::new(|event| {
        // Nobody reads on then.
        let _ = say(&shown(&event));
    }));
    let (lines, mut next) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    while let Some(line) = next.recv().await {
        let message = message(&serde_json::from_str(&line)?)?;
        say(&told(&channel.send(&message).await))?;
    }
    channel.stop().await;
    Ok(())
}

fn opened(file: &Path) -> Result<SharedChannel, Failure> {
    let text: toml::Table = std::fs::read_to_string(file)?.parse()?;
    let channels = text.get("channels").and_then(toml::Value::as_table);
    let (name, table) = channels
        .and_then(|all| all.iter().next())
        .ok_or("no [channels.<name>]")?;
    let table = table.as_table().ok_or("channels.<name> is no table")?;
    let kind = table
        .get("kind")
        .and_then(toml::Value::as_str)
        .ok_or("no kind")?;
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        base: file.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let table = ChannelTable {
        name,
        kind,
        table,
        line: 1,
    };
    Ok(open(&table, &surroundings)?)
}

/// A sample with what the JSON says otherwise.
fn message(said: &Value) -> Result<Message, Failure> {
    let number = said["number"].as_u64().unwrap_or(1);
    let attempt = u32::try_from(said["attempt"].as_u64().unwrap_or(1))?;
    let mut message = contract::message(number, attempt);
    let mut case = spica_cases::Case::clone(&message.case);
    let set = |name: &str, field: &mut String| {
        if let Some(text) = said[name].as_str() {
            text.clone_into(field);
        }
    };
    set("key", &mut message.key);
    set("address", &mut message.address);
    set("subject", &mut message.subject);
    set("body", &mut message.body);
    set("condition", &mut case.condition);
    set("source", &mut case.source);
    if let Some(reason) = said["reason"].as_str() {
        message.reason = reason.parse()?;
    }
    if let Some(severity) = said["severity"].as_str() {
        case.severity = serde_json::from_value(severity.into())?;
    }
    if let Some(person) = said.get("person") {
        message.person = person.as_str().map(str::to_owned);
    }
    if let Some(link) = said.get("link") {
        message.link = link.as_str().map(str::to_owned);
    }
    if let Some(customer) = said.get("customer") {
        case.customer = customer.as_str().map(str::to_owned);
    }
    message.case = Arc::new(case);
    Ok(message)
}

fn told(outcome: &Outcome) -> Value {
    let after = match outcome {
        Outcome::Retry { after, .. } => after.map(|after| after.as_secs_f64()),
        _ => None,
    };
    json!({ "outcome": outcome.as_str(), "answer": outcome.answer(), "after": after })
}

fn shown(event: &Event) -> Value {
    match event {
        Event::PathFailed { path, text, .. } => {
            json!({ "event": "path-failed", "path": **path, "text": text })
        }
        Event::PathRestored { path, .. } => json!({ "event": "path-restored", "path": **path }),
        Event::Receipt {
            key, arrived, text, ..
        } => json!({ "event": "receipt", "key": key, "arrived": arrived, "text": text }),
    }
}

fn say(line: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
