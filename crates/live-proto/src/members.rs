//! Objects as the texts of their members: digits and escapes stay as they were written.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object in the order in which they stand, with duplicates.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// `None` if it is no object. What is given is sound JSON, or part of it.
    pub(crate) fn of(json: &'a str) -> Option<Self> {
        is_object(json).then_some(())?;
        serde_json::from_str(json).ok()
    }

    /// Sorted by key; `None` if a key comes twice.
    pub(crate) fn sorted(mut self) -> Option<Vec<(Cow<'a, str>, &'a str)>> {
        if self.0.is_sorted_by(|a, b| a.0 < b.0) {
            return Some(self.0);
        }
        self.0.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        self.0.is_sorted_by(|a, b| a.0 < b.0).then_some(self.0)
    }
}

/// Whether sound JSON is an object.
pub(crate) fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Collect).map(Self)
    }
}

struct Collect;

/// A key, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Collect {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = entries.next_entry::<_, &RawValue>()? {
            members.push((key, value.get()));
        }
        Ok(members)
    }
}
