//! `[templates.<language>]`.

use std::collections::BTreeMap;
use std::str::FromStr;

use spica_cases::kebab;

use super::walk::{Item, Report, Table};
use crate::Language;
use crate::template::Template;
use crate::texts::{AllTexts, Texts};

/// Longest template, in bytes.
const TEMPLATE_BYTES: usize = 16_384;
/// Longest word or name of a condition, in bytes.
const WORD_BYTES: usize = 200;
/// Most names of conditions in one language.
const CONDITIONS: usize = 1_000;

/// Puts what the table says on top of `texts`.
pub(super) fn templates(item: &Item<'_>, texts: &mut AllTexts, report: &mut Report<'_>) {
    let Some(mut languages) = item.table(report) else {
        return;
    };
    for (name, item) in languages.rest() {
        match Language::from_str(name) {
            Ok(language) => one(&item, language, texts, report),
            Err(error) => report.add(&item.at, error),
        }
    }
}

fn one(item: &Item<'_>, language: Language, texts: &mut AllTexts, report: &mut Report<'_>) {
    let Some(mut table) = item.table(report) else {
        return;
    };
    let built_in = texts.remove(&language);
    let (old, mut words) = match built_in {
        Some(old) => (
            [Some(old.subject), Some(old.body), Some(old.sms)],
            (old.severities, old.reasons, old.conditions),
        ),
        None => ([None, None, None], Default::default()),
    };
    let [old_subject, old_body, old_sms] = old;
    let mut take = |key, old| template(&mut table, key, old, report);
    let subject = take("subject", old_subject);
    let body = take("body", old_body);
    let sms = take("sms", old_sms);
    words_of(table.get("severities"), &mut words.0, report);
    words_of(table.get("reasons"), &mut words.1, report);
    conditions(table.get("conditions"), &mut words.2, report);
    table.finish(report);
    let (severities, reasons, conditions) = words;
    if let (Some(subject), Some(body), Some(sms)) = (subject, body, sms) {
        let new = Texts {
            subject,
            body,
            sms,
            severities,
            reasons,
            conditions,
        };
        texts.insert(language, new);
    }
}

fn template(
    table: &mut Table<'_>,
    key: &'static str,
    old: Option<Template>,
    report: &mut Report<'_>,
) -> Option<Template> {
    let Some(item) = table.get(key) else {
        if old.is_none() {
            let need = "a language that is not built in needs `subject`, `body` and `sms`";
            report.add(&table.at, format_args!("`{key}` is missing: {need}"));
        }
        return old;
    };
    let text = item.any_text(TEMPLATE_BYTES, report)?;
    Template::parse(text)
        .map_err(|error| report.add(&item.at, error))
        .ok()
}

/// Words for what has a name of its own.
fn words_of<K: FromStr<Err = String> + Ord>(
    item: Option<Item<'_>>,
    words: &mut BTreeMap<K, String>,
    report: &mut Report<'_>,
) {
    let Some(mut table) = item.and_then(|item| item.table(report)) else {
        return;
    };
    for (name, item) in table.rest() {
        match K::from_str(name) {
            Ok(key) => {
                let text = item.text(WORD_BYTES, report);
                words.extend(text.map(|text| (key, text.to_owned())));
            }
            Err(error) => report.add(&item.at, error),
        }
    }
}

fn conditions(
    item: Option<Item<'_>>,
    words: &mut BTreeMap<String, String>,
    report: &mut Report<'_>,
) {
    let Some(mut table) = item.and_then(|item| item.table(report)) else {
        return;
    };
    for (count, (name, item)) in table.rest().into_iter().enumerate() {
        if count >= CONDITIONS {
            report.add(
                &item.at,
                format_args!("at most {CONDITIONS} conditions are allowed"),
            );
            return;
        }
        condition_name(name, &item, report);
        let text = item.text(WORD_BYTES, report);
        words.extend(text.map(|text| (name.to_owned(), text.to_owned())));
    }
}

/// Complains of a condition that no case can have.
pub(super) fn condition_name(name: &str, item: &Item<'_>, report: &mut Report<'_>) {
    let right = kebab(name);
    if right != name {
        let reason = "conditions are named in kebab case";
        report.add(&item.at, format_args!("{reason}: {right:?}"));
    }
}
