//! What is wrong in an access file, collected while it is read.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;

use crate::problem::Problem;

/// Most problems that are listed.
const PROBLEMS: usize = 100;
/// Longest name, in bytes.
const NAME_BYTES: usize = 200;

/// What is wrong so far.
pub(super) struct Report<'a> {
    pub(super) text: &'a str,
    pub(super) problems: Vec<Problem>,
}

impl Report<'_> {
    pub(super) fn add(&mut self, at: Range<usize>, reason: impl Display) {
        if self.problems.len() < PROBLEMS {
            let problem = Problem::at(self.text, at.start, reason.to_string());
            self.problems.push(problem);
        }
    }

    /// What a text says.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, item: &Spanned<String>) -> Option<T> {
        let parsed = item.get_ref().parse();
        parsed.map_err(|error| self.add(item.span(), error)).ok()
    }

    /// Complains of a list that is too long.
    pub(super) fn limit(&mut self, at: Range<usize>, what: &str, (length, most): (usize, usize)) {
        if length > most {
            let found = format_args!("here are {length} {what}; at most {most} are allowed");
            self.add(at, found);
        }
    }

    /// Complains of a name that is none.
    pub(super) fn name(&mut self, at: Range<usize>, what: &str, name: &str) {
        if name.is_empty() || name.len() > NAME_BYTES || name.contains(char::is_control) {
            let form = format_args!("{what} has 1 to {NAME_BYTES} bytes on one line");
            self.add(at, form);
        }
    }
}
