//! Walking through a TOML document: every value knows its place, every complaint is kept.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use spica_settings::Span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Problem;

/// Most problems that are listed.
pub(super) const PROBLEMS: usize = 100;

/// What is wrong so far.
#[derive(Debug)]
pub(super) struct Report<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

/// A place in the file.
#[derive(Debug, Clone)]
pub(super) struct At {
    path: String,
    start: usize,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) at: At,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

/// A table, from which each key is taken once; what is left is unknown.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) at: At,
    entries: BTreeMap<&'a str, (usize, &'a Spanned<DeValue<'a>>)>,
    known: Vec<&'static str>,
}

impl<'a> Report<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            problems: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: &At, reason: impl Display) {
        if self.problems.len() > PROBLEMS {
            return;
        }
        let (line, column) = place(self.text, at.start);
        self.problems.push(Problem {
            line,
            column,
            path: at.path.clone(),
            reason: reason.to_string(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, at: &At) -> usize {
        place(self.text, at.start).0
    }

    /// All problems, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort();
        if self.problems.len() > PROBLEMS {
            self.problems.truncate(PROBLEMS);
            if let Some(last) = self.problems.last_mut() {
                last.reason
                    .push_str(" (there are more problems behind this one)");
            }
        }
        self.problems
    }
}

/// Line and column of a byte, both from 1, the column in characters.
fn place(text: &str, start: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(start)];
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line..].chars().count() + 1,
    )
}

impl At {
    pub(super) const fn root() -> Self {
        Self {
            path: String::new(),
            start: 0,
        }
    }

    pub(super) fn byte(start: usize) -> Self {
        Self {
            path: String::new(),
            start,
        }
    }

    pub(super) fn moved(&self, start: usize) -> Self {
        Self {
            path: self.path.clone(),
            start,
        }
    }

    fn key(&self, key: &str, start: usize) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let key: String = key.chars().take(80).collect();
        let plain = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let path = if plain {
            format!("{}{dot}{key}", self.path)
        } else {
            format!("{}{dot}{key:?}", self.path)
        };
        Self { path, start }
    }
}

impl<'a> Table<'a> {
    pub(super) fn new(at: At, table: &'a DeTable<'a>) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), (key.span().start, value)));
        Self {
            at,
            entries: entries.collect(),
            known: Vec::new(),
        }
    }

    fn remove(&mut self, key: &str) -> Option<Item<'a>> {
        let (start, value) = self.entries.remove(key)?;
        let at = self.at.key(key, start);
        Some(Item { at, value })
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        self.remove(key)
    }

    /// The value of a key that must be there.
    pub(super) fn need(&mut self, key: &'static str, report: &mut Report<'_>) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            report.add(&self.at, format_args!("`{key}` is missing"));
        }
        item
    }

    /// Everything that is left, by name, in the order of the file.
    pub(super) fn rest(&mut self) -> Vec<(&'a str, Item<'a>)> {
        let mut names: Vec<(usize, &'a str)> = self
            .entries
            .iter()
            .map(|(name, (start, _))| (*start, *name))
            .collect();
        names.sort_unstable();
        let items = names
            .into_iter()
            .filter_map(|(_, name)| Some((name, self.remove(name)?)));
        items.collect()
    }

    /// Complains of what is left.
    pub(super) fn finish(mut self, report: &mut Report<'_>) {
        self.known.sort_unstable();
        for (_, item) in self.rest() {
            let allowed = self.known.join(", ");
            report.add(
                &item.at,
                format_args!("this key is not known here; allowed are {allowed}"),
            );
        }
    }
}

impl<'a> Item<'a> {
    fn wrong(&self, wanted: &str, report: &mut Report<'_>) {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        report.add(
            &self.at,
            format_args!("this is {found}; allowed is {wanted}"),
        );
    }

    /// A text of 1 to `limit` bytes on one line.
    pub(super) fn text(&self, limit: usize, report: &mut Report<'_>) -> Option<&'a str> {
        let text = self.any_text(limit, report)?;
        let is_plain = !text.is_empty() && !text.contains(char::is_control);
        if !is_plain {
            report.add(
                &self.at,
                format_args!("allowed are 1 to {limit} bytes on one line"),
            );
        }
        is_plain.then_some(text)
    }

    /// A text of at most `limit` bytes.
    pub(super) fn any_text(&self, limit: usize, report: &mut Report<'_>) -> Option<&'a str> {
        let Some(text) = self.value.get_ref().as_str() else {
            self.wrong("a text in quotes", report);
            return None;
        };
        if text.len() > limit {
            report.add(
                &self.at,
                format_args!("this has {} bytes; at most {limit} are allowed", text.len()),
            );
            return None;
        }
        Some(text)
    }

    /// What a text says.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, report: &mut Report<'_>) -> Option<T> {
        let text = self.text(500, report)?;
        text.parse()
            .map_err(|error| report.add(&self.at, error))
            .ok()
    }

    /// A duration within bounds.
    pub(super) fn duration(
        &self,
        (min, max): (Span, Span),
        report: &mut Report<'_>,
    ) -> Option<Duration> {
        let span: Span = self.parsed(report)?;
        if (min..=max).contains(&span) {
            return Some(span.as_duration());
        }
        report.add(
            &self.at,
            format_args!("{span} is not allowed; allowed is {min} to {max}"),
        );
        None
    }

    pub(super) fn truth(&self, report: &mut Report<'_>) -> Option<bool> {
        let truth = self.value.get_ref().as_bool();
        if truth.is_none() {
            self.wrong("true or false", report);
        }
        truth
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, (min, max): (u32, u32), report: &mut Report<'_>) -> Option<u32> {
        let Some(number) = self.value.get_ref().as_integer() else {
            self.wrong(&format!("a whole number from {min} to {max}"), report);
            return None;
        };
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|number| (min..=max).contains(number));
        if number.is_none() {
            report.add(
                &self.at,
                format_args!("allowed is a whole number from {min} to {max}"),
            );
        }
        number
    }

    /// A list of at most `limit` items.
    pub(super) fn list(&self, limit: usize, report: &mut Report<'_>) -> Option<Vec<Item<'a>>> {
        let Some(list) = self.value.get_ref().as_array() else {
            self.wrong("a list in [ ]", report);
            return None;
        };
        if list.len() > limit {
            report.add(
                &self.at,
                format_args!("here are {}; at most {limit} are allowed", list.len()),
            );
            return None;
        }
        let item = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| Item {
            at: At {
                path: format!("{}[{}]", self.at.path, index + 1),
                start: value.span().start,
            },
            value,
        };
        Some(list.iter().enumerate().map(item).collect())
    }

    pub(super) fn table(&self, report: &mut Report<'_>) -> Option<Table<'a>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.wrong("a table", report);
            return None;
        };
        Some(Table::new(self.at.clone(), table))
    }
}

/// A value without its places.
pub(super) fn owned(value: &DeValue<'_>) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => {
            toml::Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => toml::Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(truth) => toml::Value::Boolean(*truth),
        DeValue::Datetime(at) => toml::Value::Datetime(*at),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| owned(item.get_ref()));
            toml::Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let entries = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), owned(value.get_ref())?)));
            toml::Value::Table(entries.collect::<Option<_>>()?)
        }
    })
}
