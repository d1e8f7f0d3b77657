//! `spica ca`: the certificate authority that nodes know each other by.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use spica_clock::{Clock, SystemClock};
use spica_model::Timestamp;
use spica_node::Exit;
use spica_trust::{Authority, Entry, NodeIdentity, Revoke, Subject, Summary, inspect};

use crate::cli::Ca;
use crate::out;

const DAY_SECS: u64 = 24 * 60 * 60;

/// Runs the command.
///
/// # Errors
/// If the authority cannot be used, or refuses.
pub(crate) fn run(command: Ca) -> Result<Exit> {
    let now = SystemClock.wall();
    match command {
        Ca::Init { directory, name } => init(&directory.dir, &name, now)?,
        Ca::Issue {
            directory,
            node,
            side,
            addresses,
            out,
            days,
        } => {
            let identity = NodeIdentity { node, side };
            let subject = Subject {
                identity,
                addresses,
            };
            let life = Duration::from_secs(u64::from(days) * DAY_SECS);
            issue(&directory.dir, &subject, life, &out, now)?;
        }
        Ca::Revoke {
            directory,
            serial,
            node,
            side,
        } => {
            let by_node = node.map(|node| Revoke::Node { node, side });
            // One of the two is there: the command line asks for it.
            if let Some(which) = serial.map(Revoke::Serial).or(by_node) {
                revoke(&directory.dir, &which, now)?;
            }
        }
        Ca::List { directory, json } => list(&Authority::list(&directory.dir)?, json, now)?,
        Ca::Show { file, json } => show(&inspect(&file)?, json)?,
    }
    Ok(Exit::Success)
}

fn init(dir: &Path, name: &str, now: Timestamp) -> Result<()> {
    Authority::init(dir, name, now)?;
    out::line(format_args!("the authority is in {}", dir.display()));
    out::note(
        "Whoever has ca.key can pass for any node: keep the directory where no node is, and a copy of \
         it somewhere else.",
    );
    Ok(())
}

fn issue(dir: &Path, subject: &Subject, life: Duration, to: &Path, now: Timestamp) -> Result<()> {
    let issued = Authority::open(dir, now)?.issue_into(to, subject, life, now)?;
    let Entry {
        serial, not_after, ..
    } = issued.entry;
    out::line(format_args!(
        "{}: serial {serial}, valid until {not_after}, in {}",
        subject.identity,
        to.display()
    ));
    Ok(())
}

fn revoke(dir: &Path, which: &Revoke, now: Timestamp) -> Result<()> {
    let revoked = Authority::open(dir, now)?.revoke(which, now)?;
    if revoked.is_empty() {
        out::line("it was revoked before");
    }
    for entry in revoked {
        let (serial, node) = (entry.serial, entry.identity());
        out::line(format_args!("{serial} of {node} is revoked"));
    }
    out::note(format_args!(
        "Copy {} to every node: it takes effect there as soon as the node reads it.",
        dir.join(spica_trust::CRL).display()
    ));
    Ok(())
}

fn list(entries: &[Entry], json: bool, now: Timestamp) -> Result<()> {
    if json {
        let issued: Vec<Value> = entries.iter().map(|entry| entry_json(entry, now)).collect();
        return Ok(out::json(&json!({ "issued": issued }))?);
    }
    let columns = ["serial", "node", "side", "issued", "not_after", "status"];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            vec![
                entry.serial.to_string(),
                entry.node.to_string(),
                entry.side.map(|side| side.to_string()).unwrap_or_default(),
                day(entry.issued),
                day(entry.not_after),
                entry.status(now).to_owned(),
            ]
        })
        .collect();
    out::table(&columns, &rows);
    Ok(())
}

fn entry_json(entry: &Entry, now: Timestamp) -> Value {
    json!({
        "serial": entry.serial.to_string(),
        "node": entry.node.as_str(),
        "side": entry.side.map(|side| side.as_str()),
        "issued": entry.issued.to_string(),
        "not_after": entry.not_after.to_string(),
        "revoked": entry.revoked.map(|at| at.to_string()),
        "status": entry.status(now),
    })
}

/// The date alone.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn show(found: &Summary, json: bool) -> Result<()> {
    if json {
        return Ok(out::json(&summary_json(found))?);
    }
    let identity = match &found.identity {
        Ok(identity) => identity.to_string(),
        Err(_) if found.is_authority => "none: it is an authority".to_owned(),
        Err(error) => format!("none: {error}"),
    };
    let lines = [
        ("node", identity),
        ("addresses", found.addresses.join(", ")),
        ("subject", found.subject.clone()),
        ("issuer", found.issuer.clone()),
        ("serial", found.serial.clone()),
        ("valid from", found.not_before.to_string()),
        ("valid until", found.not_after.to_string()),
        ("SHA-256", found.fingerprint.clone()),
    ];
    for (name, value) in lines {
        out::line(format_args!("{name:<12} {value}").to_string().trim_end());
    }
    Ok(())
}

fn summary_json(found: &Summary) -> Value {
    let identity = found.identity.as_ref().ok();
    json!({
        "node": identity.map(|identity| identity.node.as_str()),
        "side": identity.and_then(|identity| identity.side).map(|side| side.as_str()),
        "uri": identity.map(NodeIdentity::to_uri),
        "addresses": found.addresses,
        "subject": found.subject,
        "issuer": found.issuer,
        "serial": found.serial,
        "not_before": found.not_before.to_string(),
        "not_after": found.not_after.to_string(),
        "authority": found.is_authority,
        "sha256": found.fingerprint,
    })
}
