//! What is wrong, or odd, in a configuration, and the bounded list that collects it.

use std::fmt;

use super::tree::{KeyPath, Place};

/// Findings that are kept of one load. What comes after is counted.
pub(super) const KEPT: usize = 100;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The node starts, but likely does not do what was meant.
    Warning,
}

/// What kind of finding it is: a stable word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The file cannot be read.
    Unreadable,
    /// The file is larger than a configuration may be.
    TooLarge,
    /// The text is not UTF-8.
    Encoding,
    /// The text is not TOML.
    Syntax,
    /// No such key.
    UnknownKey,
    /// A key that must be there is not.
    Missing,
    /// A value of another type.
    WrongType,
    /// Not one of the words that are allowed.
    NotAllowed,
    /// Too small or too large.
    OutOfRange,
    /// The right type, but not a value of it.
    Invalid,
    /// An override that is not `key=value`.
    Override,
    /// Two parts want the same address.
    AddressClash,
    /// Limits that contradict each other.
    Limits,
    /// A file or directory that does not fit its use.
    Path,
    /// Open to more people than is wise.
    Exposed,
    /// More than the operating system grants.
    Resources,
}

/// One thing that is wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub(super) severity: Severity,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) key: Option<KeyPath>,
    /// Where, and what to write under it. The first is the place; the others are what it collides
    /// with.
    pub(super) labels: Vec<(Place, String)>,
}

impl Finding {
    pub(super) const fn error(code: Code, message: String) -> Self {
        let severity = Severity::Error;
        Self {
            severity,
            code,
            message,
            help: None,
            key: None,
            labels: Vec::new(),
        }
    }

    pub(super) const fn warning(code: Code, message: String) -> Self {
        let severity = Severity::Warning;
        Self {
            severity,
            code,
            message,
            help: None,
            key: None,
            labels: Vec::new(),
        }
    }

    pub(super) fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.labels.push((place, label.into()));
        self
    }

    pub(super) fn of(mut self, key: &KeyPath) -> Self {
        self.key = Some(key.clone());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// What kind it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What happened, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do, if more can be said than what is allowed.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "config::unreadable",
            Self::TooLarge => "config::too-large",
            Self::Encoding => "config::encoding",
            Self::Syntax => "config::syntax",
            Self::UnknownKey => "config::unknown-key",
            Self::Missing => "config::missing",
            Self::WrongType => "config::wrong-type",
            Self::NotAllowed => "config::not-allowed",
            Self::OutOfRange => "config::out-of-range",
            Self::Invalid => "config::invalid",
            Self::Override => "config::override",
            Self::AddressClash => "config::address-clash",
            Self::Limits => "config::limits",
            Self::Path => "config::path",
            Self::Exposed => "config::exposed",
            Self::Resources => "config::resources",
        })
    }
}

/// Findings in the order they were made, at most [`KEPT`] of them.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kept: Vec<Finding>,
    pub(super) left_off: usize,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.is_full() {
            self.left_off += 1;
        } else {
            self.kept.push(finding);
        }
    }

    /// Leaves out what a broken line makes of the lines after it: keys that lost their section.
    pub(super) fn drop_echoes(&mut self) {
        let source = |finding: &Finding| finding.labels.first().map(|(place, _)| place.source);
        let broken: Vec<_> = self
            .kept
            .iter()
            .filter(|f| f.code == Code::Syntax)
            .map(source)
            .collect();
        let is_echo = |finding: &Finding| {
            let at_root = finding.key.as_ref().is_some_and(|key| key.0.len() == 1);
            finding.code == Code::UnknownKey && at_root && broken.contains(&source(finding))
        };
        self.kept.retain(|finding| !is_echo(finding));
    }

    /// Puts them in the order of the texts, what has no place first.
    pub(super) fn sort(&mut self) {
        let place = |finding: &Finding| {
            let (place, _) = finding.labels.first()?;
            Some((place.source.0, place.span.start))
        };
        self.kept.sort_by_key(place);
    }

    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= KEPT
    }
}
