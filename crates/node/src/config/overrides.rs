//! Values from the environment and from `--set`, as layers over the file.
//!
//! `SPICA_HTTP__LISTEN=0.0.0.0:8080` and `--set http.listen=0.0.0.0:8080` are the same thing: a key,
//! and a value as TOML writes it. Text needs no quotes where only text is allowed.

use std::ffi::{OsStr, OsString};

use super::allowed::allowed;
use super::document;
use super::finding::{Code, Finding, Findings};
use super::shape::{self, Shape};
use super::sift::clip;
use super::source::{Kind, Sources};
use super::tree::{KeyPath, Name, Node, Place, SourceId, Step, Value};

/// What the variables of the environment start with.
pub const PREFIX: &str = "SPICA_";

/// What stands between the levels of a key in a variable's name.
const LEVEL: &str = "__";

/// Levels a key may have. Ours have three.
const LEVELS: usize = 16;

/// What overrides the file: first the environment, then the arguments, the later one winning.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Variables. Those without the prefix, or without `__` after it, are not configuration.
    pub environment: Vec<(OsString, OsString)>,
    /// The `key=value` of each `--set`.
    pub arguments: Vec<String>,
}

impl Overrides {
    /// This process's environment, and the `--set` arguments it was given.
    #[must_use]
    pub fn of_process(arguments: Vec<String>) -> Self {
        Self {
            environment: std::env::vars_os().collect(),
            arguments,
        }
    }

    /// The layers, the lowest first.
    pub(super) fn layers(
        &self,
        root: Shape<'_>,
        sources: &mut Sources,
        findings: &mut Findings,
    ) -> Vec<Node> {
        let mut variables: Vec<_> = self
            .environment
            .iter()
            .filter(|(name, _)| is_ours(name))
            .collect();
        variables.sort();
        let mut reader = Reader {
            root,
            sources,
            findings,
        };
        let mut layers: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| reader.variable(name, value))
            .collect();
        layers.extend(
            self.arguments
                .iter()
                .filter_map(|argument| reader.argument(argument)),
        );
        layers
    }
}

/// `SPICA_CONFIG` and the like are options of the command line; container platforms set others.
/// All keys of the configuration have a section, so their variables have a `__`.
fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.contains(LEVEL))
}

/// A key as it was given, and where in its source each of its levels stands.
struct Key {
    levels: Vec<(String, std::ops::Range<usize>)>,
}

impl Key {
    fn split(text: &str, from: usize, separator: &str) -> Self {
        let mut start = from;
        let levels = text
            .get(from..)
            .unwrap_or("")
            .split(separator)
            .map(|level| {
                let span = start..start + level.len();
                start = span.end + separator.len();
                (level.trim().to_ascii_lowercase(), span)
            });
        Self {
            levels: levels.collect(),
        }
    }

    fn is_whole(&self) -> bool {
        self.levels.len() <= LEVELS && self.levels.iter().all(|(level, _)| !level.is_empty())
    }

    fn path(&self) -> KeyPath {
        KeyPath(
            self.levels
                .iter()
                .map(|(level, _)| Step::Key(level.clone()))
                .collect(),
        )
    }
}

struct Reader<'a, 'b> {
    root: Shape<'a>,
    sources: &'b mut Sources,
    findings: &'b mut Findings,
}

impl Reader<'_, '_> {
    fn variable(&mut self, name: &OsStr, value: &OsStr) -> Option<Node> {
        let name = name.to_string_lossy().into_owned();
        let Some(value) = value.to_str() else {
            let message = format!("the value of the variable {} is not UTF-8", clip(&name));
            self.findings.push(Finding::error(Code::Encoding, message));
            return None;
        };
        let text = format!("{name}={value}");
        let source = self.sources.add(Kind::Environment(name.clone()), text);
        self.assign(
            source,
            &Key::split(&name, PREFIX.len(), LEVEL),
            name.len() + 1,
        )
    }

    fn argument(&mut self, argument: &str) -> Option<Node> {
        let source = self.sources.add(Kind::Argument, argument.to_owned());
        let Some((key, _)) = argument.split_once('=') else {
            let message = "--set wants key=value".to_owned();
            let place = Place {
                source,
                span: 0..argument.len(),
            };
            let finding = Finding::error(Code::Override, message).at(place, "no `=` in it");
            self.findings
                .push(finding.help("for example: --set http.listen=127.0.0.1:9000"));
            return None;
        };
        self.assign(source, &Key::split(key, 0, "."), key.len() + 1)
    }

    /// The layer that sets `key` to the value that starts at byte `base`.
    fn assign(&mut self, source: SourceId, key: &Key, base: usize) -> Option<Node> {
        if !key.is_whole() {
            let message = "this is no key: a level of it is empty, or it has too many".to_owned();
            let place = Place {
                source,
                span: 0..base.saturating_sub(1),
            };
            self.findings
                .push(Finding::error(Code::Override, message).at(place, "here"));
            return None;
        }
        let mut node = self.value(source, &key.path(), base)?;
        for (level, span) in key.levels.iter().rev() {
            node.name = Name::Key(Place {
                source,
                span: span.clone(),
            });
            let mut parent = Node {
                place: node.place.clone(),
                ..Node::empty(source)
            };
            parent.value = Value::Table([(level.clone(), node)].into());
            node = parent;
        }
        Some(node)
    }

    fn value(&mut self, source: SourceId, path: &KeyPath, base: usize) -> Option<Node> {
        let rest = self.sources.get(source)?.text.get(base..)?;
        let base = base + (rest.len() - rest.trim_start().len());
        let text = rest.trim().to_owned();
        let whole = Place {
            source,
            span: base..base + text.len(),
        };
        let shape = self.root.at(path);
        let plain = Node {
            value: Value::Text(text.clone()),
            place: whole.clone(),
            name: Name::Root,
        };
        // An unknown key is reported when the layer is sifted; its value is none of our business.
        let Some(shape) = shape else {
            return Some(plain);
        };
        if shape.is_text() && !text.starts_with(['"', '\'']) {
            return Some(plain);
        }
        if shape.is_secret() {
            self.sources.hide(&whole);
        }
        document::value(source, base, self.sources).unwrap_or_else(|(place, why)| {
            if shape.kinds().contains(&shape::Kind::Text) && !text.starts_with(['"', '\'']) {
                return Some(plain);
            }
            let message = format!("the value of `{path}` is not written as in TOML: {why}");
            let label = format!("allowed: {}", allowed(shape));
            self.findings.push(
                Finding::error(Code::Syntax, message)
                    .of(path)
                    .at(place, label),
            );
            None
        })
    }
}
