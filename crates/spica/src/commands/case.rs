//! `spica case`: see cases, and do something about them.

use anyhow::Result;
use serde_json::{Value, json};

use super::device::{cell, text};
use crate::api::Api;
use crate::cli::{Act, Case, CaseCondition, Hub};
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, or the node refuses.
pub(crate) async fn run(command: Case) -> Result<()> {
    match command {
        list @ Case::List { .. } => self::list(list).await,
        Case::Show { hub, id, json } => show(&hub, &id, json).await,
        Case::Ack(act) => step(&act, "acknowledge", None).await,
        Case::Confirm(act) => step(&act, "confirm", None).await,
        Case::Clear(act) => step(&act, "clear", None).await,
        Case::Close(act) => step(&act, "close", None).await,
        Case::Comment(act) => step(&act, "comment", None).await,
        Case::Assign { act, to } => step(&act, "assign", to).await,
        Case::Shelve { what, duration } => condition(&what, "shelve", duration).await,
        Case::Unshelve(what) => condition(&what, "unshelve", None).await,
        Case::Suppress(what) => condition(&what, "suppress", None).await,
        Case::Unsuppress(what) => condition(&what, "unsuppress", None).await,
        Case::OutOfService(what) => condition(&what, "out-of-service", None).await,
        Case::InService(what) => condition(&what, "in-service", None).await,
        Case::Shelved { hub, json } => shelved(&hub, json).await,
    }
}

async fn list(command: Case) -> Result<()> {
    let Case::List {
        hub,
        state,
        severity,
        source,
        condition,
        customer,
        limit,
        json,
    } = command
    else {
        return Ok(());
    };
    let limit = limit.to_string();
    let mut query = vec![("state", state.as_str()), ("limit", &limit)];
    let filters = [
        ("severity", &severity),
        ("source", &source),
        ("condition", &condition),
        ("customer", &customer),
    ];
    for (name, value) in filters {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    let page: Value = Api::new(&hub)?.get(&["cases"], &query).await?;
    let cases = page["cases"].as_array().cloned().unwrap_or_default();
    if json {
        return Ok(cases.iter().try_for_each(out::json)?);
    }
    let columns = [
        "id",
        "severity",
        "state",
        "condition",
        "source",
        "name",
        "raised_at",
        "repeats",
    ];
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| columns.map(|key| cell(case, key)).to_vec())
        .collect();
    let header = [
        "CASE",
        "SEVERITY",
        "STATE",
        "CONDITION",
        "SOURCE",
        "NAME",
        "RAISED",
        "REPEATS",
    ];
    out::table(&header, &rows);
    if let Some(next) = page["next"].as_str() {
        out::note(format_args!(
            "there are older ones, before {next}: --limit shows more"
        ));
    }
    Ok(())
}

async fn show(hub: &Hub, id: &str, json: bool) -> Result<()> {
    let api = Api::new(hub)?;
    let case: Value = api.get(&["cases", id], &[]).await?;
    let steps: Value = api
        .get(&["cases", id, "steps"], &[("limit", "1000")])
        .await?;
    let notices: Value = api.get(&["cases", id, "notices"], &[]).await?;
    if json {
        return Ok(out::json(
            &json!({ "case": case, "steps": steps["steps"], "notices": notices["notices"] }),
        )?);
    }
    for (key, value) in case.as_object().into_iter().flatten() {
        if !value.is_null() {
            out::line(format_args!("{key:<16} {}", text(value)));
        }
    }
    out::line("");
    let rows = |list: &Value, columns: &[&str], of: fn(&Value) -> &Value| -> Vec<Vec<String>> {
        let items = list.as_array().into_iter().flatten();
        items
            .map(|item| columns.iter().map(|key| cell(of(item), key)).collect())
            .collect()
    };
    let step_rows = rows(
        &steps["steps"],
        &["at", "what", "by", "why", "to"],
        |item| &item["value"],
    );
    out::table(&["AT", "STEP", "BY", "WHY", "TO"], &step_rows);
    out::line("");
    let columns = [
        "person",
        "channel",
        "address",
        "reason",
        "state",
        "attempts",
        "last_answer",
    ];
    let notice_rows = rows(&notices["notices"], &columns, |item| item);
    out::table(
        &[
            "PERSON", "CHANNEL", "ADDRESS", "REASON", "STATE", "ATTEMPTS", "ANSWER",
        ],
        &notice_rows,
    );
    Ok(())
}

async fn step(act: &Act, verb: &str, to: Option<String>) -> Result<()> {
    let mut body = json!({ "do": verb });
    if let Some(why) = &act.why {
        body["why"] = json!(why);
    }
    if let Some(to) = to {
        body["to"] = json!(to);
    }
    let api = Api::new(&act.hub)?;
    let case = api.post(&["cases", &act.id, "steps"], &body).await?;
    out::line(format_args!(
        "case {} is {}",
        cell(&case, "id"),
        cell(&case, "state")
    ));
    Ok(())
}

async fn condition(what: &CaseCondition, verb: &str, duration: Option<String>) -> Result<()> {
    let mut body = json!({ "do": verb, "source": what.source, "condition": what.condition });
    if let Some(why) = &what.why {
        body["why"] = json!(why);
    }
    if let Some(duration) = duration {
        body["for"] = json!(duration);
    }
    let done = Api::new(&what.hub)?.post(&["conditions"], &body).await?;
    let cases = done["cases"].as_array().map_or(0, Vec::len);
    out::line(format_args!(
        "{verb}: {} of {}; open cases of it: {cases}",
        what.condition, what.source
    ));
    Ok(())
}

async fn shelved(hub: &Hub, json: bool) -> Result<()> {
    let query = [("quiet", "true"), ("limit", "1000")];
    let page: Value = Api::new(hub)?.get(&["conditions"], &query).await?;
    let list = page["conditions"].as_array().cloned().unwrap_or_default();
    if json {
        return Ok(list.iter().try_for_each(out::json)?);
    }
    let rows: Vec<Vec<String>> = list.iter().map(quiet_row).collect();
    out::table(&["SOURCE", "CONDITION", "HOW", "UNTIL", "BY", "WHY"], &rows);
    Ok(())
}

fn quiet_row(condition: &Value) -> Vec<String> {
    let how = ["shelved", "suppressed", "out_of_service"];
    let how = how.into_iter().find(|how| !condition[how].is_null());
    let how = how.unwrap_or_default();
    let signature = &condition[how];
    vec![
        cell(condition, "source"),
        cell(condition, "condition"),
        how.replace('_', " "),
        cell(signature, "until"),
        cell(signature, "by"),
        cell(signature, "why"),
    ]
}
