//! What bounds the machine.

use std::time::Duration;

/// Limits of a [`Machine`](crate::Machine).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Edge nodes that are known. One more takes the place of the one that has been offline for
    /// longest; where all are online, it is refused.
    pub edges: usize,
    /// Devices of an edge node that are online.
    pub devices: usize,
    /// Metrics of one birth, at most [`METRICS_MAX`](crate::METRICS_MAX). Beyond it they are left out.
    pub metrics: usize,
    /// Metrics of all births.
    pub metrics_total: usize,
    /// Messages of an edge node that wait for one before them.
    pub reorder_messages: usize,
    /// Bytes of payloads, of all edge nodes, that wait for messages before them.
    pub reorder_bytes: usize,
    /// Least time between two requests for a birth, for each edge node.
    pub rebirth_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            edges: 10_000,
            devices: 1_000,
            metrics: 20_000,
            metrics_total: 500_000,
            reorder_messages: 64,
            reorder_bytes: 16 << 20,
            rebirth_interval: Duration::from_secs(10),
        }
    }
}
