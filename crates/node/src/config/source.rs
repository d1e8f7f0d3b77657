//! The texts a configuration is made of: a file, variables of the environment, `--set` arguments.

use std::fmt;
use std::ops::Range;

use super::tree::{Place, SourceId};

/// What kind of text it is and how an operator calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file, by the path it was asked for with.
    File(String),
    /// A variable of the environment, by its name.
    Environment(String),
    /// An argument of `--set`.
    Argument,
}

/// One text.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The values in it that nobody may see.
    secrets: Vec<Range<usize>>,
}

/// Line and column, both from 1. Columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineColumn {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// All texts of one load.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(Vec<Source>);

impl Sources {
    pub(super) fn add(&mut self, kind: Kind, text: String) -> SourceId {
        self.0.push(Source {
            kind,
            text,
            secrets: Vec::new(),
        });
        SourceId(self.0.len() - 1)
    }

    pub(super) fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(id.0)
    }

    /// Hides the bytes at `place` from now on.
    pub(super) fn hide(&mut self, place: &Place) {
        if let Some(source) = self.0.get_mut(place.source.0) {
            source.secrets.push(place.span.clone());
        }
    }

    /// Where a value came from, as `config show` says it: `spica.toml:12`.
    pub(super) fn origin(&self, place: &Place) -> String {
        self.get(place.source)
            .map_or_else(String::new, |source| match &source.kind {
                Kind::File(path) => format!("{path}:{}", source.position(place.span.start).line),
                kind => kind.to_string(),
            })
    }
}

impl Source {
    /// Where a byte stands. An offset past the end is the end.
    pub(super) fn position(&self, offset: usize) -> LineColumn {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        LineColumn {
            line: before.matches('\n').count() + 1,
            column: before
                .get(line_start..)
                .map_or(0, |line| line.chars().count())
                + 1,
        }
    }

    /// The text with every secret's characters starred out. Offsets stay as they are.
    pub(super) fn shown(&self) -> String {
        let mut bytes = self.text.clone().into_bytes();
        for secret in &self.secrets {
            for byte in bytes.get_mut(secret.clone()).into_iter().flatten() {
                if *byte != b'\n' {
                    *byte = b'*';
                }
            }
        }
        // Spans end at characters, so what is left is UTF-8.
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl fmt::Debug for Source {
    /// What is shown of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut source = f.debug_struct("Source");
        source
            .field("kind", &self.kind)
            .field("text", &self.shown());
        source.finish_non_exhaustive()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Argument => write!(f, "--set"),
        }
    }
}
