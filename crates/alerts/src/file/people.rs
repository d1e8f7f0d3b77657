//! `[people.<name>]`.

use std::collections::{BTreeMap, BTreeSet};

use super::channels::named;
use super::fields::{self, NAME_BYTES, is_known};
use super::walk::{Item, Report, Table};
use crate::plans::Person;
use crate::{Destination, Plans};

/// Most people.
const PEOPLE: usize = 10_000;
/// Most addresses of one person.
const ADDRESSES: usize = 16;
/// Longest address, in bytes.
pub(super) const ADDRESS_BYTES: usize = 500;

/// `plans` has the channels, the texts and what counts where a person says nothing.
pub(super) fn people(
    item: &Item<'_>,
    plans: &Plans,
    report: &mut Report<'_>,
) -> BTreeMap<String, Person> {
    let mut people = BTreeMap::new();
    for (name, item) in named(item, PEOPLE, report) {
        people.extend(person(name, &item, plans, report).map(|person| (name.to_owned(), person)));
    }
    people
}

fn person(key: &str, item: &Item<'_>, plans: &Plans, report: &mut Report<'_>) -> Option<Person> {
    let mut table = item.table(report)?;
    let name = table
        .get("name")
        .and_then(|item| item.text(NAME_BYTES, report));
    let language = table.get("language");
    let language = language.and_then(|item| fields::language(&item, &plans.texts, report));
    let zone = table
        .get("time_zone")
        .and_then(|item| fields::zone(&item, report));
    let zone = zone.unwrap_or_else(|| plans.zone.clone());
    let quiet = fields::quiet_hours(&mut table, zone.clone(), report);
    let addresses = addresses(&mut table, plans, report);
    table.finish(report);
    Some(Person {
        name: name.unwrap_or(key).to_owned(),
        language: language.unwrap_or(plans.language),
        zone,
        addresses,
        quiet,
    })
}

fn addresses(table: &mut Table<'_>, plans: &Plans, report: &mut Report<'_>) -> Vec<Destination> {
    let Some(item) = table.need("addresses", report) else {
        return Vec::new();
    };
    let entries = item
        .table(report)
        .map(|mut table| table.rest())
        .unwrap_or_default();
    if entries.is_empty() || entries.len() > ADDRESSES {
        report.add(
            &item.at,
            format_args!("a person has 1 to {ADDRESSES} addresses"),
        );
    }
    let known: BTreeSet<&str> = plans.channels.keys().map(String::as_str).collect();
    let mut addresses = Vec::new();
    for (channel, item) in entries {
        if !is_known(&item.at, channel, ("channel", &known), report) {
            continue;
        }
        let address = item.text(ADDRESS_BYTES, report);
        let kind = plans.channels.get(channel).map(|channel| channel.kind);
        let Some((address, kind)) = address.zip(kind) else {
            continue;
        };
        match kind.address.check(address) {
            Ok(()) => addresses.push(Destination {
                channel: channel.to_owned(),
                address: address.to_owned(),
            }),
            Err(allowed) => {
                report.add(
                    &item.at,
                    format_args!(
                        "{address:?} is no address for {}; allowed is {allowed}",
                        kind.name
                    ),
                );
            }
        }
    }
    addresses
}
