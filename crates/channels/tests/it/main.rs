//! The contract of channels, on every kind that can keep it, against other sides that hang, break off
//! and trickle.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod http;
mod mail;
mod other_side;
#[cfg(feature = "sms")]
mod smsc;
mod trickle;

use std::sync::Arc;

use spica_alerts::ChannelTable;
use spica_channels::{Surroundings, open};
use spica_clock::SystemClock;
use spica_notify::{EventSink, SharedChannel};

/// Opens and starts a channel of this kind.
fn started(kind: &str, text: &str) -> SharedChannel {
    let table: toml::Table = text.parse().unwrap();
    let table = ChannelTable {
        name: "sample",
        kind,
        table: &table,
        line: 1,
    };
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        base: std::env::temp_dir(),
    };
    let channel = open(&table, &surroundings).unwrap();
    channel.start(EventSink::nobody());
    channel
}

/// The same with more time than any slow machine needs, and with as little as a test can wait for.
fn patient_and_hasty(kind: &str, text: &str) -> [SharedChannel; 2] {
    ["60s", "1s"].map(|timeout| started(kind, &format!("timeout = \"{timeout}\"\n{text}")))
}
