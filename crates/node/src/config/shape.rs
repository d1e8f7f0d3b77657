//! What a value may be, read from the JSON schema that schemars makes of the settings.
//!
//! Only what schemars writes for our settings is understood. A keyword that is not known here makes
//! a shape more lenient, never stricter: the types have the last word when they are built.

use serde_json::{Map, Value as Json};

use super::refer;
use super::tree::{KeyPath, Step};

/// The kinds of a value, in TOML's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Number,
    Text,
    List,
    Table,
}

/// A schema: what stands at the key, and the type that it refers to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    root: &'a Json,
    outer: &'a Json,
    target: &'a Json,
    /// The value in the defaults of the whole. The default that the schema has at a key is that of
    /// the type, which is another one where a type stands in two places.
    default: Option<&'a Json>,
}

/// The smallest and the largest.
pub(super) type Bounds<T> = (Option<T>, Option<T>);

/// One of the words a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) value: &'a Json,
    pub(super) description: Option<&'a str>,
}

impl<'a> Shape<'a> {
    /// The shape of a schema, and the defaults of the whole that it describes.
    pub(super) fn new(root: &'a Json, defaults: &'a Json) -> Self {
        Self {
            root,
            outer: root,
            target: root,
            default: Some(defaults),
        }
    }

    fn inner(&self, schema: &'a Json, default: Option<&'a Json>) -> Self {
        Self {
            root: self.root,
            outer: schema,
            target: refer::target(self.root, schema),
            default,
        }
    }

    fn key(&self, key: &str, schema: &'a Json) -> Self {
        self.inner(schema, self.default.and_then(|default| default.get(key)))
    }

    /// A keyword: as it stands at the key, or else as its type has it.
    fn keyword(&self, keyword: &str) -> Option<&'a Json> {
        self.outer.get(keyword).or_else(|| self.target.get(keyword))
    }

    fn text(&self, keyword: &str) -> Option<&'a str> {
        self.keyword(keyword)?.as_str()
    }

    /// The kinds that are allowed; empty means any.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        match self.target.get("type") {
            Some(Json::String(name)) => kind(name).into_iter().collect(),
            Some(Json::Array(names)) => names.iter().filter_map(|n| kind(n.as_str()?)).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is text and nothing else.
    pub(super) fn is_text(&self) -> bool {
        self.kinds() == [Kind::Text] || self.choices().iter().any(|choice| choice.value.is_string())
    }

    /// Whether it is a table with keys of its own: a section.
    pub(super) fn is_section(&self) -> bool {
        self.kinds() == [Kind::Table] && self.properties().next().is_some()
    }

    /// The words a value may be; empty means any.
    pub(super) fn choices(&self) -> Vec<Choice<'a>> {
        if let Some(Json::Array(values)) = self.target.get("enum") {
            let plain = |value| Choice {
                value,
                description: None,
            };
            return values
                .iter()
                .filter(|value| !value.is_null())
                .map(plain)
                .collect();
        }
        let Some(Json::Array(variants)) = self.target.get("oneOf") else {
            return Vec::new();
        };
        let mut choices = Vec::new();
        for variant in variants {
            let description = variant.get("description").and_then(Json::as_str);
            match (variant.get("const"), variant.get("enum")) {
                (Some(value), _) => choices.push(Choice { value, description }),
                (None, Some(Json::Array(values))) => {
                    choices.extend(values.iter().map(|value| Choice { value, description }));
                }
                // A variant with data: what is allowed cannot be listed.
                _ => return Vec::new(),
            }
        }
        choices
    }

    fn table(&self, keyword: &str) -> Option<&'a Map<String, Json>> {
        self.target.get(keyword)?.as_object()
    }

    /// The known keys of a table, as they were declared.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let shape = *self;
        let properties = self.table("properties").into_iter().flatten();
        properties.map(move |(key, schema)| (key.as_str(), shape.key(key, schema)))
    }

    pub(super) fn property(&self, key: &str) -> Option<Self> {
        self.table("properties")?
            .get(key)
            .map(|schema| self.key(key, schema))
    }

    /// The shape of keys that are not declared, where a table takes any key.
    pub(super) fn other_keys(&self) -> Option<Self> {
        let schema = self.target.get("additionalProperties")?;
        schema.is_object().then(|| self.inner(schema, None))
    }

    /// Whether a key that is not declared is an error.
    pub(super) fn is_closed(&self) -> bool {
        self.target.get("additionalProperties") == Some(&Json::Bool(false))
    }

    /// The keys that must be there.
    pub(super) fn required(&self) -> impl Iterator<Item = &'a str> {
        let keys = self.target.get("required").and_then(Json::as_array);
        keys.into_iter().flatten().filter_map(Json::as_str)
    }

    /// The shape of an array's items.
    pub(super) fn items(&self) -> Option<Self> {
        self.target
            .get("items")
            .map(|schema| self.inner(schema, None))
    }

    /// The shape at the end of a path.
    pub(super) fn at(&self, path: &KeyPath) -> Option<Self> {
        path.0.iter().try_fold(*self, |shape, step| match step {
            Step::Key(key) => shape.property(key).or_else(|| shape.other_keys()),
            Step::Item(_) => shape.items(),
        })
    }

    /// The smallest and largest number that is allowed.
    pub(super) fn bounds(&self) -> Bounds<f64> {
        let number = |keyword| self.keyword(keyword).and_then(Json::as_f64);
        let (least, most) = (number("minimum"), number("maximum"));
        // schemars writes the limits of small integers only.
        match self.format() {
            Some("uint32") => (least, most.or(Some(f64::from(u32::MAX)))),
            Some("int32") => (
                least.or(Some(f64::from(i32::MIN))),
                most.or(Some(f64::from(i32::MAX))),
            ),
            _ => (least, most),
        }
    }

    /// The smallest and largest number of `things`: `Length` of characters, `Items` of an array.
    pub(super) fn counts(&self, things: &str) -> Bounds<u64> {
        let number = |keyword: String| self.keyword(&keyword).and_then(Json::as_u64);
        (
            number(format!("min{things}")),
            number(format!("max{things}")),
        )
    }

    /// The smallest and largest duration or amount of bytes, as text. JSON schema has no word for
    /// it; ours are `x-least` and `x-most`.
    pub(super) fn quantities(&self) -> Bounds<&'a str> {
        (self.text("x-least"), self.text("x-most"))
    }

    /// What the value does.
    pub(super) fn description(&self) -> Option<&'a str> {
        self.text("description")
    }

    /// What a table is: as its type has it, or else as it stands at the key.
    pub(super) fn about(&self) -> Option<&'a str> {
        self.type_description().or_else(|| self.description())
    }

    /// What the type says of itself: for a type with a syntax of its own, what is allowed.
    pub(super) fn type_description(&self) -> Option<&'a str> {
        let own = !std::ptr::eq(self.outer, self.target);
        if own {
            self.target.get("description")?.as_str()
        } else {
            None
        }
    }

    /// The default, if there is one.
    pub(super) fn default(&self) -> Option<&'a Json> {
        self.default.filter(|default| !default.is_null())
    }

    /// The default, also of a key in a section that is not there by default: what it has once that
    /// is written.
    pub(super) fn usual(&self) -> Option<&'a Json> {
        let written = || self.outer.get("default").filter(|value| !value.is_null());
        self.default().or_else(written)
    }

    pub(super) fn format(&self) -> Option<&'a str> {
        self.text("format")
    }

    /// Whether nobody may see the value.
    pub(super) fn is_secret(&self) -> bool {
        self.keyword("writeOnly") == Some(&Json::Bool(true)) || self.format() == Some("password")
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "number" => Kind::Number,
        "string" => Kind::Text,
        "array" => Kind::List,
        "object" => Kind::Table,
        _ => return None,
    })
}
