//! The rules file as it is written.

use serde::Deserialize;
use spica_cases::Severity;
use spica_settings::{FilePath, Secret, Span};
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// How many rules a record may come through, one after another.
    pub(super) max_hops: Option<Spanned<u8>>,
    #[serde(default, rename = "sink")]
    pub(super) sinks: Vec<Sink>,
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sink {
    pub(super) name: Spanned<String>,
    pub(super) url: Spanned<String>,
    pub(super) token: Option<Secret>,
    pub(super) token_file: Option<FilePath>,
    pub(super) secret: Option<Secret>,
    pub(super) secret_file: Option<FilePath>,
    pub(super) ca: Option<FilePath>,
    pub(super) in_flight: Option<Spanned<usize>>,
    pub(super) timeout: Option<Spanned<Span>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) name: Spanned<String>,
    pub(super) topics: Spanned<Vec<Spanned<String>>>,
    pub(super) when: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) deletes: bool,
    pub(super) then: Spanned<Vec<Spanned<Action>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    pub(super) republish: Option<Republish>,
    pub(super) case: Option<Case>,
    pub(super) post: Option<Post>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Republish {
    pub(super) topic: Spanned<String>,
    pub(super) payload: Option<Spanned<String>>,
    pub(super) text: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) retain: bool,
    pub(super) lane: Option<Lane>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Lane {
    Critical,
    Normal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) source: Spanned<String>,
    pub(super) condition: Spanned<String>,
    pub(super) severity: Severity,
    pub(super) text: Spanned<String>,
    pub(super) clear: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Post {
    pub(super) sink: Spanned<String>,
    pub(super) body: Option<Spanned<String>>,
    pub(super) text: Option<Spanned<String>>,
}
