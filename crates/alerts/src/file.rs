//! The plan file: from its text to [`Plans`], or to everything that is wrong with it.

use toml::de::DeTable;

use self::walk::{At, Report, Table};
use crate::texts::AllTexts;
use crate::zone::Zone;
use crate::{ChannelKind, Plans, Problem};

mod channels;
mod fields;
mod people;
mod plans;
mod rotas;
mod targets;
mod templates;
mod thresholds;
mod walk;

/// Longest plan file, in bytes.
pub const FILE_BYTES: usize = 1 << 20;

impl Plans {
    /// Reads a plan file, whose channels may be of these kinds.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file, at most 101 problems. While it is
    /// not TOML, only that.
    pub fn parse(text: &str, kinds: &[ChannelKind]) -> Result<Self, Vec<Problem>> {
        let mut report = Report::new(text);
        if text.len() > FILE_BYTES {
            report.add(
                &At::root(),
                format_args!("a plan file has at most {FILE_BYTES} bytes"),
            );
            return Err(report.finish());
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        // The parser puts stand-ins where it could read nothing. Judging them would be noise.
        syntax(&errors, &mut report);
        if !report.is_empty() {
            return Err(report.finish());
        }
        let mut root = Table::new(At::root(), table.get_ref());
        let plans = read(&mut root, kinds, &mut report);
        root.finish(&mut report);
        if report.is_empty() {
            Ok(plans)
        } else {
            Err(report.finish())
        }
    }
}

fn read(root: &mut Table<'_>, kinds: &[ChannelKind], report: &mut Report<'_>) -> Plans {
    let mut plans = Plans::none();
    if let Some(item) = root.get("templates") {
        templates::templates(&item, &mut plans.texts, report);
    }
    if let Some(item) = root.get("language") {
        plans.language = fields::language(&item, &plans.texts, report).unwrap_or_default();
    }
    if let Some(item) = root.get("time_zone") {
        plans.zone = fields::zone(&item, report).unwrap_or(Zone::UTC);
    }
    if let Some(item) = root.get("link_base") {
        plans.link_base = fields::link_base(&item, report);
    }
    if let Some(item) = root.get("channels") {
        plans.channels = channels::channels(&item, kinds, report);
    }
    if let Some(item) = root.get("people") {
        plans.people = people::people(&item, &plans, report);
    }
    if let Some(item) = root.get("rotas") {
        plans.rotas = rotas::rotas(&item, &plans, report);
    }
    if let Some(item) = root.get("plans") {
        plans.plans = plans::plans(&item, &plans, report);
    }
    if let Some(item) = root.get("thresholds") {
        plans.thresholds = thresholds::thresholds(&item, report);
    }
    plans
}

/// Only the texts of a file; the built-in ones are read with this.
pub(crate) fn texts(text: &str) -> Result<AllTexts, Vec<Problem>> {
    let mut texts = AllTexts::new();
    let mut report = Report::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    syntax(&errors, &mut report);
    let mut root = Table::new(At::root(), table.get_ref());
    if let Some(item) = root.need("templates", &mut report) {
        templates::templates(&item, &mut texts, &mut report);
    }
    root.finish(&mut report);
    if report.is_empty() {
        Ok(texts)
    } else {
        Err(report.finish())
    }
}

fn syntax(errors: &[toml::de::Error], report: &mut Report<'_>) {
    for error in errors {
        let at = At::byte(error.span().map_or(0, |span| span.start));
        report.add(&at, format_args!("this is not TOML: {}", error.message()));
    }
}

#[cfg(test)]
mod tests;
