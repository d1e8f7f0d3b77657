//! The rules file: from its text to a [`RuleSet`], or to everything that is wrong with it.

use std::fmt;

use toml::Spanned;

use crate::expression::{Expression, Unreadable};
use crate::rule::RuleSet;
use crate::template::Template;

mod read;
mod shape;

/// Longest rules file, in bytes.
pub const FILE_BYTES: usize = 1 << 20;
/// Problems that are reported of one file.
const PROBLEMS: usize = 100;

/// Something that is wrong with a rules file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Which rule and which part of it, such as `rule "hot": when`; empty for the whole file.
    pub path: String,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

impl RuleSet {
    /// Reads a rules file.
    ///
    /// # Errors
    /// What is wrong with it, in the order of the file, at most 100 problems. While it has not the
    /// right shape (TOML, known keys, right types), only the first.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut report = Report::new(text);
        if text.len() > FILE_BYTES {
            report.add(
                0,
                "",
                format!("a rules file has at most {FILE_BYTES} bytes"),
            );
            return Err(report.problems);
        }
        let file: shape::File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                report.add(at, "", error.message().to_owned());
                return Err(report.problems);
            }
        };
        let set = read::set(file, &mut report);
        if report.problems.is_empty() {
            return Ok(set);
        }
        report.problems.sort_by_key(|it| (it.line, it.column));
        Err(report.problems)
    }
}

/// What is wrong so far.
struct Report<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            text,
            problems: Vec::new(),
        }
    }

    fn add(&mut self, at: usize, path: &str, reason: String) {
        if self.problems.len() >= PROBLEMS {
            return;
        }
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        self.problems.push(Problem {
            line: before.matches('\n').count() + 1,
            column: before[line..].chars().count() + 1,
            path: path.to_owned(),
            reason,
        });
    }

    /// Reports a mistake within a text of the file. Where the text is written with escapes or over
    /// several lines, only its beginning is certain.
    fn within(&mut self, text: &Spanned<String>, path: &str, error: &Unreadable) {
        let span = text.span();
        let written = self.text.get(span.clone()).unwrap_or_default();
        let plain = written.get(1..written.len().saturating_sub(1)) == Some(text.get_ref());
        let at = if plain {
            span.start + 1 + error.at
        } else {
            span.start
        };
        self.add(at, path, error.reason.clone());
    }

    fn expression(&mut self, text: &Spanned<String>, path: &str) -> Option<Expression> {
        let read = Expression::parse(text.get_ref());
        read.map_err(|error| self.within(text, path, &error)).ok()
    }

    fn template(&mut self, text: &Spanned<String>, path: &str) -> Option<Template> {
        let read = Template::parse(text.get_ref());
        read.map_err(|error| self.within(text, path, &error)).ok()
    }
}

#[cfg(test)]
mod tests;
