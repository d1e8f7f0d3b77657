//! A small configuration with one of everything, so that the machinery is tested apart from what
//! the parts of the node happen to need.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::shape::Shape;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) server: Server,
    pub(super) log: Log,
    pub(super) tls: Option<Tls>,
    /// A budget per name.
    pub(super) budgets: BTreeMap<String, u16>,
}

/// The schema and the defaults of the sample.
pub(super) static SCHEMA: LazyLock<[Json; 2]> = LazyLock::new(|| {
    let defaults = serde_json::to_value(Sample::default()).unwrap();
    [schemars::schema_for!(Sample).to_value(), defaults]
});

/// The shape of the sample.
pub(super) fn shape() -> Shape<'static> {
    Shape::new(&SCHEMA[0], &SCHEMA[1])
}

/// The server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Server {
    /// Where it listens.
    #[schemars(extend("format" = "socket-address"))]
    pub(super) listen: SocketAddr,
    /// How many may wait.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) backlog: u32,
    /// What is mixed in.
    #[schemars(range(min = 0, max = 1))]
    pub(super) ratio: f64,
    /// Whose word is taken.
    pub(super) friends: Vec<Friend>,
    /// Who may write.
    #[schemars(length(min = 4), extend("writeOnly" = true))]
    pub(super) password: Option<String>,
    /// Deeper.
    pub(super) inner: Inner,
}

/// A table in a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Inner {
    /// On or off.
    pub(super) enabled: bool,
}

/// What is logged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    /// How.
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// Certificates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// The certificate.
    pub(super) certificate: String,
    /// Its key.
    pub(super) key: String,
}

/// A friend: a name in lower case, such as `ada`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Friend(pub(super) String);

impl TryFrom<String> for Friend {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name.chars().all(|letter| letter.is_ascii_lowercase()) {
            Ok(Self(name))
        } else {
            Err("a friend is written small".to_owned())
        }
    }
}

impl From<Friend> for String {
    fn from(friend: Friend) -> Self {
        friend.0
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7000)),
            backlog: 128,
            ratio: 0.5,
            friends: Vec::new(),
            password: None,
            inner: Inner::default(),
        }
    }
}
