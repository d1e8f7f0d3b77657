//! `spica rules`: check and try a rules file.

use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde_json::{Value, json};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};
use spica_node::Exit;
use spica_rule_engine::load;
use spica_rules::{RuleSet, Verdict, Want};

use super::block_on;
use crate::api::Api;
use crate::cli::{Hub, Rules};
use crate::out;

/// The node of a record that never was.
const NODE: &str = "node";

/// Runs the command.
///
/// # Errors
/// If a topic is none, or nothing can be printed.
pub(crate) fn run(command: Rules) -> Result<Exit> {
    match command {
        Rules::Check { file } => check(&file),
        Rules::Reload(hub) => block_on(reload(hub)),
        Rules::Test {
            file,
            topic,
            payload,
            previous,
            json,
        } => {
            let Some(set) = read(&file) else {
                return Ok(Exit::Config);
            };
            let record = record(&topic, payload)?;
            test(&set, &record, previous.map(Bytes::from).as_ref(), json)
        }
    }
}

async fn reload(hub: Hub) -> Result<()> {
    let info = Api::new(&hub)?
        .post(&["rules", "reload"], &json!({}))
        .await?;
    out::line(format_args!(
        "the rules file holds: {} rules, {} sinks",
        info["rules"], info["sinks"]
    ));
    Ok(())
}

/// The rules of a file; says on stderr what is wrong with it.
fn read(file: &Path) -> Option<RuleSet> {
    let set = load(file);
    set.map_err(|error| out::note(error.to_string())).ok()
}

fn check(file: &Path) -> Result<Exit> {
    let Some(set) = read(file) else {
        return Ok(Exit::Config);
    };
    let (rules, sinks) = (set.names().count(), set.sinks().len());
    out::line(format!("{rules} rules, {sinks} sinks: fine"));
    Ok(Exit::Success)
}

fn record(topic: &str, payload: String) -> Result<Record> {
    let node = Topic::new(NODE)?;
    Ok(Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(1),
        },
        topic: node.join(topic).context("--topic is no topic")?,
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Bytes,
        payload: payload.into(),
        key: None,
        cause: None,
        properties: None,
    })
}

fn test(set: &RuleSet, record: &Record, previous: Option<&Bytes>, json: bool) -> Result<Exit> {
    let node = Topic::new(NODE)?;
    let journal = set.judge(&node, record, previous, Want::Journal);
    let mut shown = shown(set, &journal);
    for (number, sink) in set.sinks().iter().enumerate() {
        let verdict = set.judge(&node, record, previous, Want::Sink(number));
        shown.extend(
            verdict
                .failures()
                .map(|it| json!({"fails": it.to_string()})),
        );
        shown.extend(verdict.posts.iter().map(|post| {
            json!({"post": {"sink": sink.name, "body": String::from_utf8_lossy(&post.body)}})
        }));
    }
    if json {
        out::json(&Value::Array(shown))?;
    } else if shown.is_empty() {
        out::line("no rule does anything");
    } else {
        for each in &shown {
            out::line(each.to_string());
        }
    }
    Ok(Exit::Success)
}

/// What comes of the journal's part of a verdict.
fn shown(set: &RuleSet, verdict: &Verdict) -> Vec<Value> {
    let names: Vec<_> = set.names().collect();
    let matched = verdict.rules.iter().filter(|rule| rule.matched);
    let mut shown: Vec<_> = matched
        .filter_map(|rule| Some(json!({"matches": names.get(rule.rule)?})))
        .collect();
    shown.extend(
        verdict
            .failures()
            .map(|it| json!({"fails": it.to_string()})),
    );
    shown.extend(verdict.drafts.iter().map(|draft| {
        json!({"republish": {
            "topic": draft.topic.below(NODE),
            "lane": draft.lane.as_str(),
            "kind": draft.kind.as_str(),
            "payload": String::from_utf8_lossy(&draft.payload),
        }})
    }));
    shown.extend(verdict.cases.iter().map(|case| {
        json!({"case": {
            "source": case.source,
            "condition": case.condition,
            "holds": case.active,
            "severity": case.severity.as_str(),
            "text": case.text,
        }})
    }));
    shown
}
