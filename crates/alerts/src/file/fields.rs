//! What stands in several tables: languages, time zones, quiet hours, lists of names.

use std::collections::BTreeSet;

use jiff::civil::Time;

use super::walk::{At, Item, Report, Table};
use crate::Language;
use crate::cron::weekday_set;
use crate::quiet::{QuietHours, Window};
use crate::texts::AllTexts;
use crate::zone::Zone;

/// Longest name of anything, in bytes.
pub(super) const NAME_BYTES: usize = 100;
/// Most windows of quiet hours in one list.
const WINDOWS: usize = 20;
/// Longest link, in bytes.
const LINK_BYTES: usize = 500;

pub(super) fn language(
    item: &Item<'_>,
    texts: &AllTexts,
    report: &mut Report<'_>,
) -> Option<Language> {
    let language: Language = item.parsed(report)?;
    if texts.contains_key(&language) {
        return Some(language);
    }
    let known: Vec<&str> = texts.keys().map(Language::as_str).collect();
    let known = known.join(", ");
    report.add(
        &item.at,
        format_args!(
            "there are no texts in {language}; there are: {known}. Add [templates.{language}]"
        ),
    );
    None
}

pub(super) fn zone(item: &Item<'_>, report: &mut Report<'_>) -> Option<Zone> {
    let name = item.text(NAME_BYTES, report)?;
    let zone = Zone::named(name);
    if zone.is_none() {
        let form = "allowed are names of the IANA database, such as \"Europe/Zurich\" or \"UTC\"";
        report.add(&item.at, format_args!("{name:?} is no time zone; {form}"));
    }
    zone
}

pub(super) fn link_base(item: &Item<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = item.text(LINK_BYTES, report)?;
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_plain = |host: &str| {
        !host.is_empty() && !host.starts_with('/') && !host.contains(['?', '#', ' ', '"', '<', '>'])
    };
    if !host.is_some_and(is_plain) {
        let form = "allowed is http:// or https://, a host and perhaps a path, without ? and #";
        report.add(&item.at, form);
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

/// A list of names without repetitions, each of which `known` knows.
pub(super) fn names(
    item: &Item<'_>,
    limit: usize,
    (what, known): (&str, &BTreeSet<&str>),
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let items = item.list(limit, report)?;
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let Some(name) = item.text(NAME_BYTES, report) else {
            continue;
        };
        if names.iter().any(|other| other == name) {
            report.add(&item.at, format_args!("{name:?} stands here twice"));
        } else if is_known(&item.at, name, (what, known), report) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Complains of a name that leads nowhere.
pub(super) fn is_known(
    at: &At,
    name: &str,
    (what, known): (&str, &BTreeSet<&str>),
    report: &mut Report<'_>,
) -> bool {
    let is_known = known.contains(name);
    if !is_known {
        let list: Vec<&str> = known.iter().take(30).copied().collect();
        let list = if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(", ")
        };
        report.add(
            at,
            format_args!("there is no {what} {name:?}; there are: {list}"),
        );
    }
    is_known
}

/// The quiet hours of a table, none if it has none.
pub(super) fn quiet_hours(
    table: &mut Table<'_>,
    zone: Zone,
    report: &mut Report<'_>,
) -> QuietHours {
    let item = table.get("quiet_hours");
    let items = item.as_ref().and_then(|item| item.list(WINDOWS, report));
    let windows = items.unwrap_or_default();
    let windows = windows
        .iter()
        .filter_map(|item| window(item, report))
        .collect();
    let quiet = QuietHours { zone, windows };
    if let Some(item) = item.filter(|_| !quiet.ends()) {
        report.add(
            &item.at,
            "these quiet hours never end: leave some time of the week free",
        );
    }
    quiet
}

fn window(item: &Item<'_>, report: &mut Report<'_>) -> Option<Window> {
    let mut table = item.table(report)?;
    let from = table
        .need("from", report)
        .and_then(|item| time(&item, report));
    let to = table
        .need("to", report)
        .and_then(|item| time(&item, report));
    let weekdays = match table.get("days") {
        None => weekday_set("*").ok(),
        Some(item) => {
            let text = item.text(NAME_BYTES, report);
            text.and_then(|text| {
                weekday_set(text)
                    .map_err(|error| report.add(&item.at, error))
                    .ok()
            })
        }
    };
    table.finish(report);
    Some(Window {
        from: from?,
        to: to?,
        weekdays: weekdays?,
    })
}

/// `06:30`.
fn time(item: &Item<'_>, report: &mut Report<'_>) -> Option<Time> {
    let text = item.text(NAME_BYTES, report)?;
    let number = |text: &str| {
        let two_digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| two_digits)
    };
    let parts = text.split_once(':');
    let time =
        parts.and_then(|(hour, minute)| Time::new(number(hour)?, number(minute)?, 0, 0).ok());
    if time.is_none() {
        report.add(
            &item.at,
            format_args!("{text:?} is no time; allowed are \"00:00\" to \"23:59\""),
        );
    }
    time
}
