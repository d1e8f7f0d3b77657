//! `spica journal`: look into and repair the journal of a node that is stopped.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use spica_clock::{SharedClock, SystemClock};
use spica_journal::Damage;
use spica_journal_file::{Dumped, LaneVerified, OpenError, VerifyReport, dump, repair, verify};
use spica_model::{Lane, Seq};
use spica_node::{Exit, NodeError};

use crate::cli::{ConfigSource, Journal, LaneArg};
use crate::out;

/// Runs the command.
///
/// # Errors
/// If the journal cannot be read, or not be repaired.
pub(crate) fn run(command: Journal) -> Result<Exit> {
    match command {
        Journal::Verify { source, json } => {
            let report = verify(&directory(&source)?).map_err(explained)?;
            show(&report, json)?;
            Ok(if report.is_sound() {
                Exit::Success
            } else {
                Exit::Damaged
            })
        }
        Journal::Dump {
            source,
            lane,
            from,
            to,
        } => print_records(&source, lane_of(lane), Seq(from)..=Seq(to)),
        Journal::Repair {
            source,
            accept_loss,
            json,
        } => mend(&source, accept_loss, json),
    }
}

fn mend(source: &ConfigSource, accept_loss: bool, json: bool) -> Result<Exit> {
    let dir = directory(source)?;
    if !accept_loss {
        match verify(&dir) {
            Ok(report) => {
                show(&report, json)?;
                out::note(
                    "Nothing was changed. With --accept-loss, the damaged bytes are copied aside \
                     and the records they held are given up.",
                );
                return Ok(if report.is_sound() {
                    Exit::Success
                } else {
                    Exit::Damaged
                });
            }
            Err(error @ OpenError::MetaLost { .. }) => {
                out::note(format_args!(
                    "{error}\nNothing was changed; --accept-loss does it."
                ));
                return Ok(Exit::Damaged);
            }
            Err(error) => return Err(explained(error)),
        }
    }
    let clock: SharedClock = Arc::new(SystemClock);
    let report = repair(&dir, &clock).map_err(explained)?;
    if json {
        let given_up: Vec<Value> = report.given_up.iter().map(damage_json).collect();
        let mut value = verified_json(&report.after);
        value["given_up"] = json!(given_up);
        value["copies"] = json!(report.copies);
        value["meta_restored"] = json!(report.meta_restored);
        out::json(&value)?;
    } else {
        out::line(report.to_string().trim_end());
    }
    Ok(if report.after.is_sound() {
        Exit::Success
    } else {
        Exit::Damaged
    })
}

fn print_records(
    source: &ConfigSource,
    lane: Lane,
    range: std::ops::RangeInclusive<Seq>,
) -> Result<Exit> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let mut missing = false;
    let mut print = |dumped: Dumped| {
        let mut line = match dumped {
            Dumped::Record(record) => spica_http::record_json::encode(&record),
            Dumped::Missing { from, to } => {
                missing = true;
                json!({ "missing": { "class": lane.as_str(), "from": from.0, "to": to.0 } })
                    .to_string()
                    .into_bytes()
            }
        };
        line.push(b'\n');
        // A reader that went away (`| head`) wants no more.
        if stdout.write_all(&line).is_err() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    dump(&directory(source)?, lane, range, &mut print).map_err(explained)?;
    // As above.
    let _ = stdout.flush();
    Ok(if missing {
        Exit::Damaged
    } else {
        Exit::Success
    })
}

fn directory(source: &ConfigSource) -> Result<PathBuf> {
    let config = super::config::load(source)?;
    Ok(config.node.data_dir.as_path().join("journal"))
}

fn lane_of(lane: LaneArg) -> Lane {
    match lane {
        LaneArg::Critical => Lane::Critical,
        LaneArg::Normal => Lane::Normal,
    }
}

fn explained(error: OpenError) -> anyhow::Error {
    NodeError::Journal(error).into()
}

fn show(report: &VerifyReport, json: bool) -> Result<()> {
    if json {
        return Ok(out::json(&verified_json(report))?);
    }
    out::line(report.to_string().trim_end());
    Ok(())
}

fn verified_json(report: &VerifyReport) -> Value {
    let found = || report.lanes.iter().map(|lane| &lane.found);
    let damaged: Vec<Value> = found()
        .flat_map(|lane| lane.damaged.iter().map(damage_json))
        .collect();
    let notes: Vec<Value> = found()
        .flat_map(|lane| lane.notes.iter())
        .map(|note| json!({ "file": note.file, "offset": note.offset, "what": note.what }))
        .collect();
    let lanes: Vec<Value> = report.lanes.iter().map(lane_json).collect();
    json!({ "sound": report.is_sound(), "lanes": lanes, "damaged": damaged, "notes": notes })
}

fn lane_json(lane: &LaneVerified) -> Value {
    let LaneVerified { found, refusal } = lane;
    let torn = found.torn.as_ref();
    json!({
        "class": found.lane.as_str(),
        "first": found.first.0,
        "last": found.last.0,
        "segments": found.segments,
        "clean": found.clean,
        "torn": torn.map(|torn| json!({ "file": torn.file, "offset": torn.offset, "seq": torn.seq.0 })),
        "refusal": refusal.as_ref().map(ToString::to_string),
    })
}

fn damage_json(damage: &Damage) -> Value {
    json!({
        "class": damage.lane.as_str(),
        "from": damage.from.0,
        "to": damage.to.0,
        "file": &*damage.file,
        "offset": damage.offset,
        "reason": &*damage.reason,
    })
}
