//! What is written, checked and made into rules.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use spica_cases::kebab;
use spica_model::TopicFilter;
use spica_settings::Span;
use toml::Spanned;

use super::{Report, shape};
use crate::rule::{Action, Case, Content, RESERVED_ROOTS, Republish, Rule, RuleSet, Sink};

/// Longest name of a rule or sink: with `sink-` before it, it is one of a handler.
const NAME_BYTES: usize = 40;
/// Most rules; each has counters of its own.
const RULES: usize = 1_000;
/// Most sinks; each has threads of its own.
const SINKS: usize = 16;
/// Most filters, and most actions, of one rule.
const PARTS: usize = 64;
/// Rules that a record may come through.
const HOPS: RangeInclusive<u8> = 1..=32;
/// POSTs of a sink at once.
const IN_FLIGHT: RangeInclusive<usize> = 1..=64;

pub(super) fn set(file: shape::File, report: &mut Report<'_>) -> RuleSet {
    for (count, most, what) in [
        (file.rules.len(), RULES, "rules"),
        (file.sinks.len(), SINKS, "sinks"),
    ] {
        if count > most {
            let reason = format!("there are {count} {what}; at most {most} are allowed");
            report.add(0, "", reason);
        }
    }
    let mut names = BTreeSet::new();
    let mut sinks = Vec::new();
    for written in file.sinks.into_iter().take(SINKS) {
        named(&written.name, "sink", &mut names, report);
        sinks.push(sink(written, report));
    }
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for written in file.rules.into_iter().take(RULES) {
        named(&written.name, "rule", &mut names, report);
        rules.push(rule(&written, &sinks, report));
    }
    RuleSet {
        rules,
        sinks,
        max_hops: file
            .max_hops
            .map_or(4, |hops| within(&hops, &HOPS, "max_hops", report)),
    }
}

/// A number that has to lie in a range.
fn within<T: PartialOrd + Copy + std::fmt::Display>(
    written: &Spanned<T>,
    allowed: &RangeInclusive<T>,
    path: &str,
    report: &mut Report<'_>,
) -> T {
    let value = *written.get_ref();
    if !allowed.contains(&value) {
        let reason = format!(
            "{value} is not allowed; {} to {} are",
            allowed.start(),
            allowed.end()
        );
        report.add(written.span().start, path, reason);
    }
    value
}

fn named(
    name: &Spanned<String>,
    what: &str,
    names: &mut BTreeSet<String>,
    report: &mut Report<'_>,
) {
    let text = name.get_ref();
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let path = format!("{what} {text:?}");
    if !(1..=NAME_BYTES).contains(&text.len()) || !text.bytes().all(fits) {
        let reason = format!("a name has 1 to {NAME_BYTES} of a-z, 0-9 and -");
        report.add(name.span().start, &path, reason);
    }
    if !names.insert(text.clone()) {
        let reason = format!("there is another {what} of that name");
        report.add(name.span().start, &path, reason);
    }
}

fn sink(written: shape::Sink, report: &mut Report<'_>) -> Sink {
    let name = written.name.into_inner();
    let path = |key: &str| format!("sink {name:?}: {key}");
    let url = written.url.get_ref();
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let reason = "allowed is an address such as https://example.org/readings";
        report.add(written.url.span().start, &path("url"), reason.to_owned());
    }
    for (key, text, file) in [
        ("token", &written.token, &written.token_file),
        ("secret", &written.secret, &written.secret_file),
    ] {
        if text.is_some() && file.is_some() {
            let reason = format!("only one of {key} and {key}_file is allowed");
            report.add(written.url.span().start, &path(key), reason);
        }
    }
    let times = Span::from_millis(100)..=Span::from_secs(10);
    Sink {
        url: url.clone(),
        token: written.token,
        token_file: written.token_file,
        secret: written.secret,
        secret_file: written.secret_file,
        ca: written.ca,
        in_flight: written.in_flight.map_or(8, |number| {
            within(&number, &IN_FLIGHT, &path("in_flight"), report)
        }),
        timeout: written.timeout.map_or(Span::from_secs(5), |time| {
            within(&time, &times, &path("timeout"), report)
        }),
        name,
    }
}

fn rule(written: &shape::Rule, sinks: &[Sink], report: &mut Report<'_>) -> Rule {
    let name = written.name.get_ref();
    let path = |key: &str| format!("rule {name:?}: {key}");
    for (count, at, key) in [
        (
            written.topics.get_ref().len(),
            written.topics.span(),
            "topics",
        ),
        (written.then.get_ref().len(), written.then.span(), "then"),
    ] {
        if !(1..=PARTS).contains(&count) {
            let reason = format!("it has {count}; 1 to {PARTS} are allowed");
            report.add(at.start, &path(key), reason);
        }
    }
    let mut topics = Vec::new();
    for text in written.topics.get_ref() {
        match TopicFilter::new(text.get_ref().clone()) {
            Ok(filter) => topics.push(filter),
            Err(error) => report.add(text.span().start, &path("topics"), error.to_string()),
        }
    }
    let when = written.when.as_ref();
    let mut then = Vec::new();
    for (number, action) in written.then.get_ref().iter().enumerate().take(PARTS) {
        let path = path(&format!("then[{number}]"));
        then.extend(self::action(action, &path, sinks, report));
    }
    Rule {
        name: name.clone(),
        topics,
        when: when.and_then(|text| report.expression(text, &path("when"))),
        deletes: written.deletes,
        then,
    }
}

fn action(
    written: &Spanned<shape::Action>,
    path: &str,
    sinks: &[Sink],
    report: &mut Report<'_>,
) -> Option<Action> {
    match written.get_ref() {
        shape::Action {
            republish: Some(it),
            case: None,
            post: None,
        } => republish(it, &format!("{path}.republish"), report).map(Action::Republish),
        shape::Action {
            republish: None,
            case: Some(it),
            post: None,
        } => case(it, &format!("{path}.case"), report).map(Action::Case),
        shape::Action {
            republish: None,
            case: None,
            post: Some(it),
        } => post(it, &format!("{path}.post"), sinks, report),
        _ => {
            let reason = "it does one thing: republish, case or post".to_owned();
            report.add(written.span().start, path, reason);
            None
        }
    }
}

fn republish(written: &shape::Republish, path: &str, report: &mut Report<'_>) -> Option<Republish> {
    let topic = report.template(&written.topic, &format!("{path}.topic"));
    if let Some(topic) = &topic {
        let (first, more) = match topic.beginning().split_once('/') {
            Some((first, _)) => (first, true),
            None => (topic.beginning(), topic.is_fixed()),
        };
        if more && (RESERVED_ROOTS.contains(&first) || first.starts_with('$')) {
            let reason = format!("{first} is written by the node itself");
            report.add(written.topic.span().start, &format!("{path}.topic"), reason);
        }
    }
    let content = content(
        (written.payload.as_ref(), "payload"),
        written.text.as_ref(),
        path,
        report,
    );
    Some(Republish {
        topic: topic?,
        content: content?,
        retain: written.retain,
        lane: written.lane.map(|lane| match lane {
            shape::Lane::Critical => spica_model::Lane::Critical,
            shape::Lane::Normal => spica_model::Lane::Normal,
        }),
    })
}

fn content(
    (json, key): (Option<&Spanned<String>>, &str),
    text: Option<&Spanned<String>>,
    path: &str,
    report: &mut Report<'_>,
) -> Option<Content> {
    match (json, text) {
        (None, None) => Some(Content::Same),
        (Some(json), None) => report
            .expression(json, &format!("{path}.{key}"))
            .map(Content::Json),
        (None, Some(text)) => report
            .template(text, &format!("{path}.text"))
            .map(Content::Text),
        (Some(_), Some(text)) => {
            let reason = format!("only one of {key} and text is allowed");
            report.add(text.span().start, &format!("{path}.text"), reason);
            None
        }
    }
}

fn case(written: &shape::Case, path: &str, report: &mut Report<'_>) -> Option<Case> {
    let condition = written.condition.get_ref();
    if kebab(condition) != *condition {
        let reason = format!(
            "a condition is named in kebab case, with at most 64 bytes, such as {:?}",
            kebab(condition)
        );
        let path = format!("{path}.condition");
        report.add(written.condition.span().start, &path, reason);
    }
    let source = report.template(&written.source, &format!("{path}.source"));
    let text = report.template(&written.text, &format!("{path}.text"));
    let clear = written.clear.as_ref();
    let clear = clear.map(|it| report.expression(it, &format!("{path}.clear")));
    Some(Case {
        source: source?,
        condition: condition.clone(),
        severity: written.severity,
        text: text?,
        clear: match clear {
            Some(read) => Some(read?),
            None => None,
        },
    })
}

fn post(
    written: &shape::Post,
    path: &str,
    sinks: &[Sink],
    report: &mut Report<'_>,
) -> Option<Action> {
    let name = written.sink.get_ref();
    let sink = sinks.iter().position(|sink| sink.name == *name);
    if sink.is_none() {
        let reason = format!("there is no sink {name:?}");
        report.add(written.sink.span().start, &format!("{path}.sink"), reason);
    }
    let body = (written.body.as_ref(), "body");
    let body = content(body, written.text.as_ref(), path, report);
    Some(Action::Post {
        sink: sink?,
        body: body?,
    })
}
