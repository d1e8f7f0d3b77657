//! `[[thresholds]]`: read as `spica_cases` has them, and judged by it.

use serde::Deserialize;
use spica_cases::{Rules, Threshold};
use toml::de::ValueDeserializer;

use super::walk::{Item, Report};

/// Most thresholds.
const THRESHOLDS: usize = 10_000;

pub(super) fn thresholds(item: &Item<'_>, report: &mut Report<'_>) -> Vec<Threshold> {
    let items = item.list(THRESHOLDS, report).unwrap_or_default();
    let mut thresholds = Vec::new();
    for item in items {
        match Threshold::deserialize(ValueDeserializer::from(item.value.clone())) {
            Ok(threshold) => {
                judge(&item, &threshold, report);
                thresholds.push(threshold);
            }
            Err(error) => {
                let at = error
                    .span()
                    .map_or(item.at.clone(), |span| item.at.moved(span.start));
                report.add(&at, error.message());
            }
        }
    }
    thresholds
}

/// Whether it makes sense.
fn judge(item: &Item<'_>, threshold: &Threshold, report: &mut Report<'_>) {
    let rules = Rules {
        thresholds: vec![threshold.clone()],
        ..Rules::default()
    };
    for error in rules.check() {
        let field = error.path.rsplit_once('.').map_or("", |(_, field)| field);
        let mut table = item.table(report);
        let place = table.as_mut().and_then(|table| {
            let fields = table.rest();
            fields
                .into_iter()
                .find(|(name, _)| *name == field)
                .map(|(_, item)| item.at)
        });
        report.add(&place.unwrap_or_else(|| item.at.clone()), error.reason);
    }
}
