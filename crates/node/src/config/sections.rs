//! The sections that belong to the node as a whole. A part's own section is beside the part.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Topic;
use spica_settings::{ByteSize, FilePath, Span};

/// The node as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// The node's path in the tree: the beginning of all its topics.
    #[serde(with = "super::values::topic")]
    #[schemars(with = "super::values::NodePath")]
    pub path: Topic,
    /// Where the journal, the checkpoints and the pictures are. Made if it is not there. One process
    /// at a time uses it.
    pub data_dir: FilePath,
    /// How long a stop waits for what is in hand: dialogues and requests. What is not done then is
    /// cut; nothing acknowledged is lost by it.
    #[schemars(extend("x-least" = "100ms", "x-most" = "10min"))]
    pub stop_timeout: Span,
    /// File descriptors that are left for files and for connections without a limit of their own. A
    /// warning says when the limits on connections leave fewer.
    #[schemars(range(min = 32, max = 65536))]
    pub reserved_descriptors: u32,
}

/// What the node says about its work, on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For whom.
    pub format: LogFormat,
    /// How much is said; also for single parts, the most exact one deciding.
    #[serde(with = "super::values::filter")]
    #[schemars(with = "super::values::LogFilter")]
    pub level: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Human,
    /// One JSON object a line, for programs.
    Json,
}

/// Pictures, and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Objects {
    /// Where whole pictures are kept: a directory, or a `file://` URL. Without one, `pictures` in the
    /// data directory.
    pub location: Option<FilePath>,
    /// The S3 server of a location like `s3://bucket/prefix`.
    pub s3: spica_objects::S3Settings,
    /// The largest picture that is taken. A larger one stays on its device.
    #[schemars(extend("x-least" = "1KiB", "x-most" = "1GiB"))]
    pub picture_bytes: ByteSize,
    /// Bytes that all unfinished pictures may have, counted as if they were whole. Beyond it new
    /// pictures wait on their devices.
    #[schemars(extend("x-least" = "1MiB"))]
    pub incoming_bytes: ByteSize,
    /// How many pictures may be unfinished. Beyond it new ones wait on their devices.
    #[schemars(range(min = 1))]
    pub incoming_pictures: usize,
    /// An unfinished picture that nobody went on with for so long is removed.
    #[schemars(extend("x-least" = "1min"))]
    pub abandoned_after: Span,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            path: super::values::root(),
            data_dir: super::values::path("spica-data"),
            stop_timeout: Span::from_secs(20),
            reserved_descriptors: 256,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            level: "info".to_owned(),
        }
    }
}

impl Default for Objects {
    fn default() -> Self {
        let limits = spica_objects::Limits::default();
        Self {
            location: None,
            s3: spica_objects::S3Settings::default(),
            picture_bytes: ByteSize::new(limits.picture_bytes.into()),
            incoming_bytes: ByteSize::new(limits.incoming_bytes),
            incoming_pictures: limits.incoming_pictures,
            abandoned_after: span(limits.abandoned_after),
        }
    }
}

impl Objects {
    /// The limits, as the store wants them.
    #[must_use]
    pub fn limits(&self) -> spica_objects::Limits {
        spica_objects::Limits {
            // The schema keeps it at 1 GiB or less.
            picture_bytes: u32::try_from(self.picture_bytes.as_u64()).unwrap_or(u32::MAX),
            incoming_bytes: self.incoming_bytes.as_u64(),
            incoming_pictures: self.incoming_pictures,
            abandoned_after: self.abandoned_after.into(),
        }
    }
}

/// A duration of a core's defaults as the configuration writes it.
pub(super) fn span(duration: Duration) -> Span {
    Span::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
