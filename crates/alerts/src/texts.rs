//! The words of each language: templates, and names of what they are filled with.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use spica_cases::{Case, Severity};

use crate::template::Template;
use crate::{Language, Reason};

/// The words of one language.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Texts {
    pub(crate) subject: Template,
    pub(crate) body: Template,
    pub(crate) sms: Template,
    pub(crate) severities: BTreeMap<Severity, String>,
    pub(crate) reasons: BTreeMap<Reason, String>,
    /// By condition; one that is not here has the text of its case, which is English.
    pub(crate) conditions: BTreeMap<String, String>,
}

/// All languages that there are.
pub(crate) type AllTexts = BTreeMap<Language, Texts>;

/// The languages that need no file.
pub(crate) fn built_in() -> &'static AllTexts {
    static BUILT_IN: OnceLock<AllTexts> = OnceLock::new();
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program, and a test reads it"
    )]
    BUILT_IN.get_or_init(|| {
        crate::file::texts(include_str!("texts.toml")).expect("the built-in texts are right")
    })
}

impl Texts {
    pub(crate) fn severity(&self, severity: Severity) -> &str {
        self.severities
            .get(&severity)
            .map_or(severity.as_str(), String::as_str)
    }

    pub(crate) fn reason(&self, reason: Reason) -> &str {
        self.reasons
            .get(&reason)
            .map_or(reason.as_str(), String::as_str)
    }

    pub(crate) fn text<'a>(&'a self, case: &'a Case) -> &'a str {
        self.conditions.get(&case.condition).unwrap_or(&case.text)
    }
}
