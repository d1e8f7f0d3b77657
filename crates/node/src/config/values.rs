//! Values with a syntax of their own, as the node's sections write them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use spica_model::{Topic, TopicError};
use spica_settings::FilePath;

/// Levels of topics that Spica itself uses below a node's path.
const RESERVED: [&str; 3] = ["devices", "audit", "system"];

/// Bytes of a node's path: topics below it need room for their own levels.
const PATH_BYTES: usize = 200;

/// The schema of a value that is text: a marker, never made.
macro_rules! text_schema {
    ($(#[$doc:meta])* $name:ident, $format:literal, $allowed:literal) => {
        $(#[$doc])*
        pub(super) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "description": $allowed })
            }
        }
    };
}

text_schema!(
    /// The path of a node.
    NodePath,
    "topic",
    "Levels separated by `/`, such as `root/s1`, none of them `devices`, `audit` or `system`; at most \
     200 bytes."
);
text_schema!(
    /// What is logged.
    LogFilter,
    "log-filter",
    "A level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or several as in \
     `info,spica_http=debug`."
);
/// A node's path in files.
pub(super) mod topic {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use spica_model::Topic;

    pub(in super::super) fn serialize<S: Serializer>(
        path: &Topic,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Topic, D::Error> {
        super::node_path(String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// A log's filter in files: kept as text, once it is known to be one.
pub(super) mod filter {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use tracing_subscriber::EnvFilter;

    pub(in super::super) fn serialize<S: Serializer>(
        filter: &str,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(filter)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<String, D::Error> {
        let text = String::deserialize(from)?;
        EnvFilter::builder()
            .parse(&text)
            .map_err(de::Error::custom)?;
        Ok(text)
    }
}

/// Why a text is no path of a node.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NodePathError {
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error("a level is empty")]
    EmptyLevel,
    #[error("it has {0} bytes, more than 200")]
    TooLong(usize),
    #[error("the level `{0}` is reserved for what is below a node")]
    Reserved(&'static str),
}

fn node_path(text: String) -> Result<Topic, NodePathError> {
    if text.len() > PATH_BYTES {
        return Err(NodePathError::TooLong(text.len()));
    }
    let path = Topic::new(text)?;
    if path.levels().any(str::is_empty) {
        return Err(NodePathError::EmptyLevel);
    }
    let reserved = RESERVED
        .into_iter()
        .find(|word| path.levels().any(|level| level == *word));
    reserved.map_or(Ok(path), |word| Err(NodePathError::Reserved(word)))
}

/// The path of a node that was given none.
#[expect(
    clippy::expect_used,
    reason = "the text is a constant, and the defaults are tested"
)]
pub(super) fn root() -> Topic {
    Topic::new("root").expect("a sound topic")
}

/// A path that is a constant.
#[expect(
    clippy::expect_used,
    reason = "the text is a constant, and the defaults are tested"
)]
pub(super) fn path(text: &'static str) -> FilePath {
    text.parse().expect("a sound path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_paths_leave_room_and_reserved_levels() {
        let error = |text: &str| node_path(text.to_owned()).unwrap_err();
        assert_eq!(error(""), NodePathError::Topic(TopicError::Empty));
        assert_eq!(error("root/#"), NodePathError::Topic(TopicError::Wildcard));
        for text in ["/root", "root/", "a//b"] {
            assert_eq!(error(text), NodePathError::EmptyLevel);
        }
        assert_eq!(error("root/devices"), NodePathError::Reserved("devices"));
        assert_eq!(error("system"), NodePathError::Reserved("system"));
        assert_eq!(error(&"x".repeat(201)), NodePathError::TooLong(201));
        assert!(node_path("x".repeat(200)).is_ok());
        assert!(node_path("root/s1/device".to_owned()).is_ok());
    }
}
