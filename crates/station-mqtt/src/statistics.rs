//! `$SYS/broker/…`: how the station stands, as other brokers tell it. Said every some seconds to those
//! who are subscribed, and at once to who subscribes; in no journal.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use spica_matcher::matches;
use spica_model::Lane;
use spica_mqtt::Chunk;
use spica_mqtt_proto::{Publish, PublishProperties, QoS, SubscriptionIds, Version, encode_publish};
use spica_mqtt_routes::SessionId;

use crate::fan_out::{Fast, fan_out};
use crate::session::{Session, State};
use crate::station::Station;
use crate::uid;

/// Where the statistics are.
pub(crate) const ROOT: &str = "$SYS/";
/// How often they are said.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
/// Minutes that loads are means over.
const MINUTES: [u32; 3] = [1, 5, 15];

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    received: u64,
    sent: u64,
    bytes: u64,
    connections: u64,
}

impl Counts {
    const NAMES: [&'static str; 4] = [
        "publish/received",
        "publish/sent",
        "bytes/received",
        "connections",
    ];

    const fn all(self) -> [u64; 4] {
        [self.received, self.sent, self.bytes, self.connections]
    }
}

/// Means per minute.
#[derive(Debug, Default)]
struct Loads {
    before: Counts,
    /// By count, over each of [`MINUTES`].
    means: [[f64; 3]; 4],
}

impl Loads {
    /// Takes in what was counted in one more of [`EVERY`].
    fn step(&mut self, now: Counts) {
        let before = self.before.all();
        for (at, count) in now.all().into_iter().enumerate() {
            let per_minute = count.saturating_sub(before[at]) as f64 * 60.0 / EVERY.as_secs_f64();
            for (mean, minutes) in self.means[at].iter_mut().zip(MINUTES) {
                let weight = 1.0 - (-EVERY.as_secs_f64() / (60.0 * f64::from(minutes))).exp();
                *mean += (per_minute - *mean) * weight;
            }
        }
        self.before = now;
    }
}

/// The statistics as they were said last.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    said: Mutex<Vec<(String, String)>>,
    loads: Mutex<Loads>,
}

impl Statistics {
    /// Says how the station stands.
    pub(crate) fn say(&self, station: &Station) {
        let now = counted(station);
        self.loads.lock().step(now);
        let lines = self.lines(station, now);
        let nobody = nobody(station);
        for (topic, value) in &lines {
            let publish = publish(topic, value, PublishProperties::default());
            fan_out(
                station,
                &nobody,
                &[Fast::new(&publish, topic, Lane::Normal)],
            );
        }
        *self.said.lock() = lines;
    }

    /// Gives what was said last to a session that has just subscribed to it.
    pub(crate) fn tell(&self, state: &mut State, filter: &str, id: Option<u32>) {
        let mut ids = Vec::new();
        if let Some(id) = id {
            // Checked when it was subscribed.
            let _ = SubscriptionIds::push(&mut ids, id);
        }
        let properties = PublishProperties {
            subscription_ids: SubscriptionIds::of(&ids),
            ..PublishProperties::default()
        };
        let said = self.said.lock();
        for (topic, value) in said.iter().filter(|(topic, _)| matches(filter, topic)) {
            let publish = Publish {
                retain: true,
                ..publish(topic, value, properties)
            };
            if let Some(chunk) = chunk(&publish, state.version) {
                // Without room it is dropped and counted: it is said again soon.
                let _ = state.outbound.push_chunk(chunk);
            }
        }
    }

    fn lines(&self, station: &Station, now: Counts) -> Vec<(String, String)> {
        let connected = station.sessions.connected();
        let sessions = station.sessions.len();
        let uptime = station.now_ms() / 1_000;
        let metrics = &station.metrics;
        let mut lines = vec![
            line("version", concat!("Spica ", env!("CARGO_PKG_VERSION"))),
            line("uptime", format_args!("{uptime} seconds")),
            line("clients/connected", connected),
            line("clients/active", connected),
            line("clients/total", sessions),
            line("clients/disconnected", sessions.saturating_sub(connected)),
            line("clients/inactive", sessions.saturating_sub(connected)),
            line("clients/expired", metrics.expired.get()),
            line("subscriptions/count", metrics.subscriptions.get()),
            line("messages/received", now.received),
            line("messages/sent", now.sent),
            line("publish/messages/received", now.received),
            line("publish/messages/sent", now.sent),
            line("bytes/received", now.bytes),
        ];
        let loads = self.loads.lock();
        for (name, means) in Counts::NAMES.iter().zip(loads.means) {
            for (mean, minutes) in means.iter().zip(MINUTES) {
                let name = format!("load/{name}/{minutes}min");
                lines.push(line(&name, format_args!("{mean:.2}")));
            }
        }
        lines
    }
}

fn line(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (format!("{ROOT}broker/{name}"), value.to_string())
}

fn counted(station: &Station) -> Counts {
    let metrics = &station.metrics;
    Counts {
        received: metrics.publishes_in.get(),
        sent: metrics.delivered_fast.get() + metrics.queued.get(),
        bytes: metrics.bytes_in.get(),
        connections: station.connections(),
    }
}

/// Who publishes what nobody publishes: no session is in its slot.
fn nobody(station: &Station) -> Session {
    let now = station.now();
    let state = State::new(&station.limits, now);
    Session::new(Arc::from("$SYS"), SessionId::MAX, uid::uid(), now, state)
}

fn publish<'a>(topic: &'a str, value: &'a str, properties: PublishProperties<'a>) -> Publish<'a> {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        properties,
        payload: value.as_bytes(),
    }
}

fn chunk(publish: &Publish<'_>, version: Version) -> Option<Chunk> {
    let mut bytes = Vec::new();
    encode_publish(publish, version, &mut bytes).ok()?;
    let largest = u32::try_from(bytes.len()).ok()?;
    Some(Chunk {
        bytes: Bytes::from(bytes),
        messages: 1,
        largest,
        lane: Lane::Normal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_means_per_minute_that_come_to_what_is_steady() {
        let mut loads = Loads::default();
        let mut counts = Counts::default();
        for _ in 0..1_000 {
            counts.received += 100;
            loads.step(counts);
        }
        for mean in loads.means[0] {
            assert!((mean - 600.0).abs() < 1.0, "{mean}");
        }
        assert_eq!(loads.means[1], [0.0; 3]);
        loads.step(counts);
        let [one, five, fifteen] = loads.means[0];
        assert!(one < five && five < fifteen && one > 0.0);
    }
}
