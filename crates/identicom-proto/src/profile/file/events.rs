//! The `[[event]]` tables.

use toml::Spanned;

use super::raw::{RawCase, RawEvent, Text};
use super::values::{Names, is_kebab, is_title, one_of};
use super::{CLASSES, Checked, Problem};
use crate::profile::{Case, Detail, Event, FieldType, Severity};

/// The events by code.
pub(super) fn events(raw: &[RawEvent], details: &[Detail]) -> Checked<Vec<Event>> {
    let (mut codes, mut names) = (Names::new("event code"), Names::new("event name"));
    let mut events = Vec::with_capacity(raw.len());
    for raw in raw {
        events.push(Event {
            code: codes.take_code(&raw.code)?,
            name: names.take(&raw.name, is_event_name)?,
            lane: one_of("class", &raw.class, &CLASSES)?,
            case: raw.case.as_ref().map(|c| case(c, details)).transpose()?,
        });
    }
    references(raw, &events)?;
    events.sort_by_key(|event| event.code);
    Ok(events)
}

fn is_event_name(name: &str) -> Result<(), &'static str> {
    if name.starts_with("unknown-") {
        return Err("names with unknown- in front are for codes that have no table");
    }
    is_kebab(name)
}

fn case(raw: &Spanned<RawCase>, details: &[Detail]) -> Checked<Case> {
    let problem = |message: &str| Problem {
        span: raw.span(),
        message: message.to_owned(),
    };
    let name = |text: &Text| Names::new("case").take(text, is_title);
    let RawCase {
        raise,
        clear,
        start,
        stop,
        severity,
        after,
    } = raw.get_ref();
    match (raise, clear, start, stop, severity, after) {
        (Some(raise), None, None, None, Some(level), None) => Ok(Case::Raise {
            case: name(raise)?,
            severity: severity_of(level)?,
        }),
        (None, Some(clear), None, None, None, None) => Ok(Case::Clear { case: name(clear)? }),
        (None, None, Some(start), None, Some(level), Some(after)) => Ok(Case::Start {
            case: name(start)?,
            severity: severity_of(level)?,
            after: minutes_detail(after, details)?,
        }),
        (None, None, None, Some(stop), None, None) => Ok(Case::Stop { case: name(stop)? }),
        _ => Err(problem(
            "a case is one of { raise, severity }, { clear }, { start, severity, after }, { stop }",
        )),
    }
}

fn severity_of(raw: &Text) -> Checked<Severity> {
    let allowed = Severity::ALL.map(|severity| (severity.as_str(), severity));
    one_of("severity", raw, &allowed)
}

fn minutes_detail(raw: &Text, details: &[Detail]) -> Checked<String> {
    let is_number = |detail: &&Detail| {
        detail.is_scalar
            && matches!(detail.layout.fields(), [f] if matches!(f.kind, FieldType::Integer(_)))
    };
    let known = details.iter().filter(is_number);
    let allowed: Vec<_> = known.map(|d| (d.name.as_str(), d.name.as_str())).collect();
    one_of("after (a detail of one whole number)", raw, &allowed).map(str::to_owned)
}

/// A case that nothing raises cannot be cleared, nor a timer stopped that nothing starts: it would
/// be a misspelt name.
fn references(raw: &[RawEvent], events: &[Event]) -> Checked<()> {
    let cases = || events.iter().filter_map(|event| event.case.as_ref());
    for (raw, event) in raw.iter().zip(events) {
        let (is_known, verb) = match &event.case {
            Some(Case::Clear { case }) => {
                (cases().any(|c| c.is_alarm() && c.name() == case), "raises")
            }
            Some(Case::Stop { case }) => (
                cases().any(|c| matches!(c, Case::Start { .. }) && c.name() == case),
                "starts",
            ),
            _ => continue,
        };
        if !is_known {
            let span = raw.case.as_ref().map_or(raw.name.span(), Spanned::span);
            return Err(Problem {
                span,
                message: format!("no event {verb} the case that {} ends", event.name),
            });
        }
    }
    Ok(())
}
