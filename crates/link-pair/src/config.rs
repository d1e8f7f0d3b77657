//! What an operator may set about the pair.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_pair::{Config, Side, Solo};
use spica_settings::Span;

/// The port of the link between the nodes of a pair.
const PORT: u16 = 5003;

/// This node's part in a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PairSettings")]
pub struct Settings {
    /// Which of the two this node is: one is the primary, the other one the backup.
    pub side: SideSetting,
    /// Where the partner's link listens: `host:port`.
    pub partner: String,
    /// Where this node's link listens.
    #[serde(default = "usual_listen")]
    pub listen: SocketAddr,
    /// Where this node's HTTP interface is reached from outside, such as `http://10.0.0.1:8080`: the
    /// partner sends clients there while this node is active. Without it they are only refused.
    #[serde(default)]
    pub http: Option<String>,
    /// How often the node says that it lives. The same on both.
    #[serde(default = "usual_heartbeat")]
    #[schemars(extend("x-least" = "10ms", "x-most" = "1min"))]
    pub heartbeat: Span,
    /// After how long without a heartbeat the partner counts as gone: two heartbeats or more. The
    /// same on both.
    #[serde(default = "usual_dead_after")]
    #[schemars(extend("x-least" = "20ms", "x-most" = "10min"))]
    pub dead_after: Span,
    /// Without a witness: whether a node whose partner is gone goes on alone.
    #[serde(default)]
    pub solo: SoloSetting,
    /// Who permits to go on alone; nobody does without its word then.
    #[serde(default)]
    pub witness: Option<spica_witness::Settings>,
    /// After how long the active stops waiting for a partner that lives but takes no records.
    #[serde(default = "usual_stuck_after")]
    #[schemars(extend("x-least" = "100ms", "x-most" = "1h"))]
    pub stuck_after: Span,
    /// Whether batches are packed on their way.
    #[serde(default)]
    pub compress: CompressSetting,
    /// The certificates of the link, made by `spica ca`.
    #[serde(default)]
    pub tls: spica_trust::Settings,
}

/// Which of the two a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PairSide")]
pub enum SideSetting {
    /// The one that is preferred when both start.
    Primary,
    /// The other one.
    Backup,
}

/// Whether a node without a witness goes on alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PairSolo")]
pub enum SoloSetting {
    /// It does. If only the link is cut and clients reach both, both may: what the loser took in is
    /// re-entered when they meet again.
    #[default]
    Accept,
    /// It acknowledges nothing until its partner is back.
    Refuse,
}

/// Whether batches are packed on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PairCompress")]
pub enum CompressSetting {
    /// When the link is slower than the records come.
    #[default]
    Auto,
    /// All of them.
    Always,
    /// None of them.
    Never,
}

fn usual_listen() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, PORT).into()
}

fn usual_heartbeat() -> Span {
    Span::from_millis(100)
}

fn usual_dead_after() -> Span {
    Span::from_millis(300)
}

fn usual_stuck_after() -> Span {
    Span::from_secs(2)
}

impl SideSetting {
    /// The side in the core's words.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::Primary => Side::Primary,
            Self::Backup => Side::Backup,
        }
    }
}

impl Settings {
    /// The setup of the core.
    #[must_use]
    pub fn core(&self) -> Config {
        Config {
            heartbeat: self.heartbeat.as_duration(),
            dead_after: self.dead_after.as_duration(),
            witness: self.witness.is_some(),
            solo: match self.solo {
                SoloSetting::Accept => Solo::Accept,
                SoloSetting::Refuse => Solo::Refuse,
            },
            ..Config::new(self.side.side())
        }
    }

    /// A number of what both nodes must have in common, and what it stands for.
    #[must_use]
    pub fn topology(&self, name: &str) -> (u64, String) {
        let witness = self.witness.as_ref();
        let text = format!(
            "name {name}, heartbeat {}, dead_after {}, solo {:?}, witness {}",
            self.heartbeat,
            self.dead_after,
            self.solo,
            witness.map_or_else(|| "none".to_owned(), |witness| witness.url.to_string()),
        );
        // FNV-1a: a fingerprint to compare, nothing that an attacker could use.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash, text)
    }
}
