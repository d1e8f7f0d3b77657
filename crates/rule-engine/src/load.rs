//! The rules file, from disk.

use std::io;
use std::path::{Path, PathBuf};

use spica_rules::{FILE_BYTES, Problem, RuleSet};

/// Why a rules file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("the rules file {} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Something is wrong with it.
    #[error("{}", said(path, problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

fn said(path: &Path, problems: &[Problem]) -> String {
    let line = |problem: &Problem| format!("{}:{problem}", path.display());
    let lines: Vec<_> = problems.iter().map(line).collect();
    lines.join("\n")
}

/// Reads a rules file.
///
/// # Errors
/// If it cannot be read, or with everything that is wrong with it and where.
pub fn load(path: &Path) -> Result<RuleSet, LoadError> {
    let unreadable = |error| LoadError::Read {
        path: path.to_owned(),
        error,
    };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES as u64 {
        let error = io::Error::other(format!(
            "it has {length} bytes; at most {FILE_BYTES} are allowed"
        ));
        return Err(unreadable(error));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    RuleSet::parse(&text).map_err(|problems| LoadError::Wrong {
        path: path.to_owned(),
        problems,
    })
}
