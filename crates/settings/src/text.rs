//! What the types have in common: they stand as text in a configuration.

/// Implements serde's and schemars' traits for a type that has [`FromStr`](std::str::FromStr):
/// `$as_text` gives the text, `$allowed` says in a sentence what is allowed.
macro_rules! text_type {
    ($type:ident, $as_text:expr, $allowed:expr, $schema:tt) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let as_text: fn(&Self) -> String = $as_text;
                serializer.serialize_str(&as_text(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Visitor)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($type)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = schemars::json_schema!($schema);
                schema.insert("description".to_owned(), $allowed.into());
                schema
            }
        }
    };
}

pub(crate) use text_type;
