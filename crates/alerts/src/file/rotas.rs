//! `[rotas.<name>]`.

use std::collections::{BTreeMap, BTreeSet};

use spica_settings::Span;

use super::channels::named;
use super::fields::{self, NAME_BYTES};
use super::walk::{Item, Report, Table};
use crate::Plans;
use crate::rota::{LONGEST_SHIFT_DAYS, Rota, Rotate, Shift};

/// Most rotas.
const ROTAS: usize = 1_000;
/// Most shifts of one rota.
const SHIFTS: usize = 200;
/// Most people in one shift.
const PEOPLE: usize = 50;

/// `plans` has the people and the time zone.
pub(super) fn rotas(
    item: &Item<'_>,
    plans: &Plans,
    report: &mut Report<'_>,
) -> BTreeMap<String, Rota> {
    let people: BTreeSet<&str> = plans.people.keys().map(String::as_str).collect();
    let mut rotas = BTreeMap::new();
    for (name, item) in named(item, ROTAS, report) {
        rotas.extend(rota(&item, plans, &people, report).map(|rota| (name.to_owned(), rota)));
    }
    rotas
}

fn rota(
    item: &Item<'_>,
    plans: &Plans,
    people: &BTreeSet<&str>,
    report: &mut Report<'_>,
) -> Option<Rota> {
    let mut table = item.table(report)?;
    let zone = table
        .get("time_zone")
        .and_then(|item| fields::zone(&item, report));
    let otherwise = some_people(&mut table, "otherwise", people, report);
    let shifts = table
        .need("shifts", report)
        .and_then(|item| item.list(SHIFTS, report));
    let shifts = shifts.unwrap_or_default();
    let shifts = shifts
        .iter()
        .filter_map(|item| shift(item, people, report))
        .collect();
    table.finish(report);
    Some(Rota {
        zone: zone.unwrap_or_else(|| plans.zone.clone()),
        shifts,
        otherwise,
    })
}

/// A list of at least one person.
fn some_people(
    table: &mut Table<'_>,
    key: &'static str,
    people: &BTreeSet<&str>,
    report: &mut Report<'_>,
) -> Vec<String> {
    let Some(item) = table.need(key, report) else {
        return Vec::new();
    };
    let is_empty = item
        .value
        .get_ref()
        .as_array()
        .is_some_and(|list| list.is_empty());
    if is_empty {
        report.add(&item.at, "nobody stands here: name at least one person");
    }
    fields::names(&item, PEOPLE, ("person", people), report).unwrap_or_default()
}

fn shift(item: &Item<'_>, people: &BTreeSet<&str>, report: &mut Report<'_>) -> Option<Shift> {
    let mut table = item.table(report)?;
    let start = table
        .need("start", report)
        .and_then(|item| item.parsed(report));
    let bounds = (
        Span::from_mins(1),
        Span::from_days(u64::from(LONGEST_SHIFT_DAYS)),
    );
    let minutes = table.need("duration", report).and_then(|item| {
        let duration = item.duration(bounds, report)?;
        if duration.subsec_nanos() != 0 || duration.as_secs() % 60 != 0 {
            report.add(&item.at, "a shift lasts whole minutes");
            return None;
        }
        u32::try_from(duration.as_secs() / 60).ok()
    });
    let people = some_people(&mut table, "people", people, report);
    let rotate = table
        .get("rotate")
        .map_or(Some(Rotate::Never), |item| rotate(&item, report));
    table.finish(report);
    Some(Shift {
        start: start?,
        minutes: minutes?,
        people,
        rotate: rotate?,
    })
}

fn rotate(item: &Item<'_>, report: &mut Report<'_>) -> Option<Rotate> {
    match item.text(NAME_BYTES, report)? {
        "never" => Some(Rotate::Never),
        "daily" => Some(Rotate::Daily),
        "weekly" => Some(Rotate::Weekly),
        other => {
            let allowed = "allowed are \"never\", \"daily\" and \"weekly\"";
            report.add(&item.at, format_args!("{other:?}: {allowed}"));
            None
        }
    }
}
