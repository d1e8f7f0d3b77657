//! Configuration as written: values that remember where they stand.
//!
//! Nothing is judged here. [`document`](super::document) makes trees of text, [`sift`](super::sift)
//! and [`typed`](super::typed) take out what is wrong, and what is left says for every value of the
//! running configuration where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Which of the [`Sources`](super::source::Sources) a text is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceId(pub(super) usize);

/// Bytes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) source: SourceId,
    pub(super) span: Range<usize>,
}

/// How a node is called by its parent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Name {
    /// It has no parent.
    Root,
    /// By the key at this place.
    Key(Place),
    /// By its number in the array as written, which stays when items before it are taken out.
    Item(usize),
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
    pub(super) name: Name,
}

/// TOML's values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    /// An integer that 64 bits do not hold, as written.
    Beyond(String),
    Float(f64),
    Text(String),
    Moment(toml::value::Datetime),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// One step down a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// The way from the root to a value: `journal.critical.segment`, `identicom.balancers[2]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeyPath(pub(super) Vec<Step>);

impl KeyPath {
    /// The path of a dotted key without arrays.
    pub(super) fn dotted(key: &str) -> Self {
        Self(
            key.split('.')
                .map(|level| Step::Key(level.to_owned()))
                .collect(),
        )
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    pub(super) fn item(&self, number: usize) -> Self {
        self.step(Step::Item(number))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is `other` or above it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if depth == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Item(number) => write!(f, "[{number}]")?,
            }
        }
        Ok(())
    }
}

impl Node {
    /// An empty table at the start of a source.
    pub(super) fn empty(source: SourceId) -> Self {
        let place = Place { source, span: 0..0 };
        Self {
            value: Value::Table(BTreeMap::new()),
            place,
            name: Name::Root,
        }
    }

    /// Puts `over` on top: tables are merged key by key, anything else is replaced.
    pub(super) fn merge(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(mine), Value::Table(theirs)) => {
                for (key, node) in theirs {
                    match mine.get_mut(&key) {
                        Some(own) => own.merge(node),
                        None => {
                            mine.insert(key, node);
                        }
                    }
                }
            }
            (_, value) => *self = Self { value, ..over },
        }
    }

    /// The node at the end of `path`, if the path is there whole.
    pub(super) fn at(&self, path: &KeyPath) -> Option<&Self> {
        path.0.iter().try_fold(self, |node, step| node.child(step))
    }

    /// How far down `path` this tree goes, and the node there.
    pub(super) fn deepest(&self, path: &KeyPath) -> (KeyPath, &Self) {
        let mut node = self;
        let mut gone = KeyPath::default();
        for step in &path.0 {
            let Some(child) = node.child(step) else { break };
            node = child;
            gone = gone.step(step.clone());
        }
        (gone, node)
    }

    /// Takes the node at `path` out of its parent. Says whether there was one.
    pub(super) fn remove(&mut self, path: &KeyPath) -> bool {
        let Some((last, way)) = path.0.split_last() else {
            return false;
        };
        let parent = way.iter().try_fold(self, |node, step| node.child_mut(step));
        match (parent.map(|node| &mut node.value), last) {
            (Some(Value::Table(table)), Step::Key(key)) => table.remove(key).is_some(),
            (Some(Value::List(items)), Step::Item(index)) if *index < items.len() => {
                items.remove(*index);
                true
            }
            _ => false,
        }
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::Table(table), Step::Key(key)) => table.get(key),
            (Value::List(items), Step::Item(index)) => items.get(*index),
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (&mut self.value, step) {
            (Value::Table(table), Step::Key(key)) => table.get_mut(key),
            (Value::List(items), Step::Item(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    /// `path` with the items' numbers as they were written.
    pub(super) fn as_written(&self, path: &KeyPath) -> KeyPath {
        let mut node = Some(self);
        let mut written = KeyPath::default();
        for step in &path.0 {
            node = node.and_then(|node| node.child(step));
            written = match node.map(|node| &node.name) {
                Some(Name::Item(number)) => written.item(*number),
                _ => written.step(step.clone()),
            };
        }
        written
    }
}

impl Value {
    /// What it is, with its article: `a string`.
    pub(super) const fn is_a(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::Beyond(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "a string",
            Self::Moment(_) => "a date or time",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

impl From<&Node> for toml::Value {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(value) => Self::Integer(*value),
            Value::Float(value) => Self::Float(*value),
            // No type of ours takes text for a number: what the schema let pass, the type refuses.
            Value::Text(text) | Value::Beyond(text) => Self::String(text.clone()),
            Value::Moment(moment) => Self::Datetime(*moment),
            Value::List(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Table(table) => Self::Table(
                table
                    .iter()
                    .map(|(key, node)| (key.clone(), node.into()))
                    .collect(),
            ),
        }
    }
}
