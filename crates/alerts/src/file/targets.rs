//! `notify` of a step: whom it tells.

use super::fields::{self, NAME_BYTES, is_known};
use super::people::ADDRESS_BYTES;
use super::plans::Known;
use super::walk::{Item, Report, Table};
use crate::Destination;
use crate::plans::{Place, Target};
use crate::rota::Rota;

/// Most targets of one step.
const TARGETS: usize = 50;
/// Most channels of one target.
const CHANNELS: usize = 16;
/// The last person of a shift that can be named by their place.
const PLACES: u32 = 50;

pub(super) fn targets(
    table: &mut Table<'_>,
    all: &Known<'_>,
    report: &mut Report<'_>,
) -> Vec<Target> {
    let Some(item) = table.need("notify", report) else {
        return Vec::new();
    };
    let Some(items) = item.list(TARGETS, report) else {
        return Vec::new();
    };
    if items.is_empty() {
        report.add(
            &item.at,
            "this step tells nobody: name a person, a rota or a channel",
        );
    }
    items
        .iter()
        .filter_map(|item| target(item, all, report))
        .collect()
}

fn target(item: &Item<'_>, all: &Known<'_>, report: &mut Report<'_>) -> Option<Target> {
    let mut table = item.table(report)?;
    let (person, rota, channel) = (table.get("person"), table.get("rota"), table.get("channel"));
    let target = match (person, rota, channel) {
        (Some(person), None, None) => of_person(&person, &mut table, all, report),
        (None, Some(rota), None) => of_rota(&rota, &mut table, all, report),
        (None, None, Some(channel)) => of_channel(&channel, &mut table, all, report),
        _ => {
            let forms = "{ person = \"…\" }, { rota = \"…\" } or { channel = \"…\" }";
            report.add(&item.at, format_args!("a target is one of {forms}"));
            return None;
        }
    };
    table.finish(report);
    target
}

fn of_person(
    item: &Item<'_>,
    table: &mut Table<'_>,
    all: &Known<'_>,
    report: &mut Report<'_>,
) -> Option<Target> {
    let channels = channels(table, all, report);
    let name = item.text(NAME_BYTES, report)?;
    if !is_known(&item.at, name, ("person", &all.people), report) {
        return None;
    }
    reached(name, item, &channels, all, report);
    Some(Target::Person {
        name: name.to_owned(),
        channels,
    })
}

fn of_rota(
    item: &Item<'_>,
    table: &mut Table<'_>,
    all: &Known<'_>,
    report: &mut Report<'_>,
) -> Option<Target> {
    let channels = channels(table, all, report);
    let place = table.get("place");
    let name = item.text(NAME_BYTES, report)?;
    if !is_known(&item.at, name, ("rota", &all.rotas), report) {
        return None;
    }
    let rota = all.plans.rotas.get(name)?;
    let place = match place {
        None => Place::At(0),
        Some(item) => place_of(&item, rota, report)?,
    };
    let shifts = rota.shifts.iter().flat_map(|shift| &shift.people);
    let mut people: Vec<&String> = shifts.chain(&rota.otherwise).collect();
    people.sort_unstable();
    people.dedup();
    for person in people {
        reached(person, item, &channels, all, report);
    }
    Some(Target::Rota {
        name: name.to_owned(),
        place,
        channels,
    })
}

/// `"all"`, or a number from 1 that every shift has.
fn place_of(item: &Item<'_>, rota: &Rota, report: &mut Report<'_>) -> Option<Place> {
    if item.value.get_ref().as_str() == Some("all") {
        return Some(Place::All);
    }
    if item.value.get_ref().is_str() {
        report.add(&item.at, "allowed are a whole number from 1, and \"all\"");
        return None;
    }
    let place = item.whole((1, PLACES), report)?;
    let index = usize::try_from(place - 1).ok()?;
    if rota.shifts.iter().any(|shift| shift.people.len() <= index) {
        let reason = "a shift of this rota has fewer people";
        report.add(
            &item.at,
            format_args!("{reason}: nobody would stand at place {place}"),
        );
    }
    Some(Place::At(index))
}

fn of_channel(
    item: &Item<'_>,
    table: &mut Table<'_>,
    all: &Known<'_>,
    report: &mut Report<'_>,
) -> Option<Target> {
    let address = table.get("address");
    let name = item.text(NAME_BYTES, report)?;
    if !is_known(&item.at, name, ("channel", &all.channels), report) {
        return None;
    }
    let kind = all.plans.channels.get(name)?.kind;
    let (at, text) = match &address {
        Some(item) => (&item.at, item.any_text(ADDRESS_BYTES, report)?),
        None => (&item.at, ""),
    };
    if let Err(allowed) = kind.address.check_or_empty(text) {
        let kind = kind.name;
        report.add(
            at,
            format_args!("a channel of kind {kind} needs `address`: {allowed}"),
        );
        return None;
    }
    Some(Target::Receiver(Destination {
        channel: name.to_owned(),
        address: text.to_owned(),
    }))
}

fn channels(table: &mut Table<'_>, all: &Known<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(item) = table.get("channels") else {
        return Vec::new();
    };
    if item
        .value
        .get_ref()
        .as_array()
        .is_some_and(|list| list.is_empty())
    {
        report.add(
            &item.at,
            "an empty list would reach nobody; leave `channels` out for all",
        );
    }
    fields::names(&item, CHANNELS, ("channel", &all.channels), report).unwrap_or_default()
}

/// Complains of a person whom none of these channels reaches.
fn reached(
    name: &str,
    item: &Item<'_>,
    channels: &[String],
    all: &Known<'_>,
    report: &mut Report<'_>,
) {
    let person = all.plans.people.get(name);
    // Without any address, the person is complained of already.
    let person = person.filter(|person| !person.addresses.is_empty());
    if person.is_some_and(|person| person.reached_by(channels).is_empty()) {
        let channels = channels.join(", ");
        report.add(
            &item.at,
            format_args!("{name} has no address on {channels}: this would reach nobody"),
        );
    }
}
