//! `[channels.<name>]`.

use std::collections::BTreeMap;

use super::fields::NAME_BYTES;
use super::walk::{Item, Report, owned};
use crate::ChannelKind;
use crate::plans::Channel;

/// Most channels.
const CHANNELS: usize = 100;

pub(super) fn channels(
    item: &Item<'_>,
    kinds: &[ChannelKind],
    report: &mut Report<'_>,
) -> BTreeMap<String, Channel> {
    let mut channels = BTreeMap::new();
    let named = named(item, CHANNELS, report);
    for (name, item) in named {
        channels.extend(channel(&item, kinds, report).map(|channel| (name.to_owned(), channel)));
    }
    channels
}

/// The tables in a table by their names, which may stand in targets and in topics.
pub(super) fn named<'a>(
    item: &Item<'a>,
    limit: usize,
    report: &mut Report<'_>,
) -> Vec<(&'a str, Item<'a>)> {
    let entries = item
        .table(report)
        .map(|mut table| table.rest())
        .unwrap_or_default();
    if entries.len() > limit {
        report.add(
            &item.at,
            format_args!("here are {}; at most {limit} are allowed", entries.len()),
        );
        return Vec::new();
    }
    for (name, item) in &entries {
        let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_plain) {
            let form = "a name has 1 to 100 bytes: letters, digits, -, _ and .";
            report.add(&item.at, form);
        }
    }
    entries
}

fn channel(item: &Item<'_>, kinds: &[ChannelKind], report: &mut Report<'_>) -> Option<Channel> {
    let mut table = item.table(report)?;
    let kind = table.need("kind", report)?;
    let name = kind.text(NAME_BYTES, report)?;
    let Some(known) = kinds.iter().find(|known| known.name == name) else {
        let known: Vec<&str> = kinds.iter().map(|known| known.name).collect();
        let known = known.join(", ");
        report.add(
            &kind.at,
            format_args!("{name:?} is no kind of channel; allowed are {known}"),
        );
        return None;
    };
    let mut rest = toml::Table::new();
    for (name, item) in table.rest() {
        match owned(item.value.get_ref()) {
            Some(value) => {
                rest.insert(name.to_owned(), value);
            }
            None => report.add(&item.at, "a number here is beyond what a file can hold"),
        }
    }
    Some(Channel {
        kind: *known,
        table: rest,
        line: report.line(&item.at),
    })
}
