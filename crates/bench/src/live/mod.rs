//! `bench live`: one publisher, many live sessions over WebSocket, a node in another process.
//!
//! Ages count from the moment at which a record was due to be published, so what waits in front of
//! the node is part of them. The publisher, the sessions and the node share this machine.

mod crowd;
mod meter;
mod once;
mod publisher;
mod socket;
mod steps;
mod target;

use std::time::Duration;

use serde::Serialize;

pub use self::once::{deltas, idle, ping_pong, resume, take_over};
pub use self::steps::{beside_nats, conflated, message, ramp};

/// How long records that were published may still come.
const DRAIN: Duration = Duration::from_secs(20);
/// How much of what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions.
    pub sessions: usize,
    /// Payload bytes.
    pub size: usize,
    /// Records per second, one step after the other; they end with the one that is too much.
    pub rates: Vec<f64>,
    /// How long a step lasts.
    pub step: Duration,
}

/// One rate.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Step {
    /// Records published per second, as the node took them.
    pub published_per_s: f64,
    /// Sessions.
    pub sessions: usize,
    /// Rows that sessions got per second.
    pub delivered_msgs_per_s: f64,
    /// Age of a row at its session, median.
    pub latency_ms_p50: f64,
    /// 99th percentile.
    pub latency_ms_p99: f64,
    /// Rows of a frame, mean.
    pub rows_per_frame: f64,
    /// Processor time of the node per million rows, seconds.
    pub hub_cpu_s_per_million: f64,
    /// The same with the generator's.
    pub cpu_s_per_million: f64,
    /// Records that gaps named, over all sessions.
    pub missed: u64,
    /// Sessions that were cut.
    pub disconnected: u64,
    /// Resident memory of the node, MiB.
    pub hub_rss_mib: f64,
}

/// `bench live --mode message | conflated | ramp`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The most that was delivered in a step.
    pub delivered_msgs_per_s: f64,
    /// Of the last step before saturation.
    pub latency_ms_p50: f64,
    /// The same.
    pub latency_ms_p99: f64,
    /// Age of what came in the last step: what people see when there is too much.
    pub staleness_ms_p99: f64,
    /// The most clients that all got what was offered; ramp only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation_clients: Option<usize>,
    /// Sessions that were cut.
    pub disconnected: u64,
    /// Resident memory of the node per session when all were open and idle.
    pub rss_bytes_per_session: f64,
    /// Each step.
    pub steps: Vec<Step>,
}

/// `bench live --mode idle`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    /// Sessions that were open.
    pub sessions: usize,
    /// Resident memory of the node per session.
    pub rss_bytes_per_session: f64,
    /// How long it took until all had subscribed and were complete, seconds.
    pub opened_s: f64,
}

/// `bench live --mode resume | take-over`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Resume {
    /// Sessions that came back.
    pub sessions: usize,
    /// Those that went on exactly where they were.
    pub precise: u64,
    /// From the kill until all were complete, seconds.
    pub resumed_s: f64,
    /// The same from the moment at which a node let the first one in.
    pub serving_to_resumed_s: f64,
    /// Records that were published while nobody listened; each session is to get each of them.
    pub published_meanwhile: u64,
    /// Rows that are missing, over all sessions.
    pub missing: i64,
}

/// `bench live --mode ping-pong`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PingPong {
    /// Payload bytes.
    pub size: usize,
    /// From publishing to reception by the same client, durable in between, median, µs.
    pub round_trip_us_p50: f64,
    /// 99th percentile, µs.
    pub round_trip_us_p99: f64,
}

/// `bench live --mode deltas`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Deltas {
    /// Bytes of a value.
    pub document_bytes: usize,
    /// Values that were sent.
    pub updates: u64,
    /// Bytes of frames with the changes only.
    pub bytes_sent: u64,
    /// Bytes of frames with whole values.
    pub bytes_full: u64,
    /// How many times fewer bytes.
    pub bytes_saved_ratio: f64,
}
