//! What this interface counts. Handles are made once; every label has few values.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use spica_model::Lane;

use crate::sessions::SessionMetrics;

/// Upper bounds of the time buckets, in seconds: from a memory answer to the request limit.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Counters of the HTTP interface; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    answers: Family<Answer, Counter>,
    seconds: Family<Route, Histogram>,
    published: Family<Class, Counter>,
    duplicates: Family<Class, Counter>,
    refused: Family<Reason, Counter>,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// Requests in hand, their answers not yet sent.
    pub(crate) in_flight: Gauge,
    /// Live streams that are open.
    pub(crate) streams: Gauge,
    /// Records that live streams have sent.
    pub(crate) stream_records: Counter,
    /// Times a live stream went on from the journal because it was too slow for its queue.
    pub(crate) stream_catch_ups: Counter,
    /// Times a live stream had to be told of a gap.
    pub(crate) stream_gaps: Counter,
    /// What live sessions count.
    pub(crate) sessions: SessionMetrics,
    /// Requests that brought no valid token.
    pub(crate) bad_tokens: Counter,
    /// Records that history and resumed streams have read.
    pub(crate) scanned: Counter,
    /// Answers to durable writes that went out before the views showed them.
    pub(crate) unapplied: Counter,
}

impl Metrics {
    /// Makes the counters and makes them known to `registry`, with names that begin with `http_`.
    pub fn register(registry: &mut Registry) -> Self {
        let buckets = || Histogram::new(SECONDS);
        let metrics = Self {
            answers: Family::default(),
            seconds: Family::new_with_constructor(buckets),
            published: Family::default(),
            duplicates: Family::default(),
            refused: Family::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
            streams: Gauge::default(),
            stream_records: Counter::default(),
            stream_catch_ups: Counter::default(),
            stream_gaps: Counter::default(),
            sessions: SessionMetrics::default(),
            bad_tokens: Counter::default(),
            scanned: Counter::default(),
            unapplied: Counter::default(),
        };
        metrics.add_to(registry.sub_registry_with_prefix("http"));
        metrics
    }

    fn add_to(&self, to: &mut Registry) {
        to.register("requests", "Answered requests", self.answers.clone());
        let help = "Time from the head of a request to the head of its answer";
        to.register_with_unit(
            "request_duration",
            help,
            Unit::Seconds,
            self.seconds.clone(),
        );
        to.register(
            "published_records",
            "Records published and durable",
            self.published.clone(),
        );
        let help = "Published records whose key was known";
        to.register("published_duplicates", help, self.duplicates.clone());
        let help = "Connections and requests refused at a limit";
        to.register("refused", help, self.refused.clone());
        to.register("connections", "Open connections", self.connections.clone());
        let help = "Requests in hand, their answers not yet sent";
        to.register("requests_in_flight", help, self.in_flight.clone());
        to.register("streams", "Open live streams", self.streams.clone());
        let help = "Records sent on live streams";
        to.register("stream_records", help, self.stream_records.clone());
        let help = "Times a slow live stream went on from the journal";
        to.register("stream_catch_ups", help, self.stream_catch_ups.clone());
        to.register(
            "stream_gaps",
            "Gaps live streams were told of",
            self.stream_gaps.clone(),
        );
        to.register(
            "bad_tokens",
            "Requests without a valid token",
            self.bad_tokens.clone(),
        );
        let help = "Records read for history and resumed streams";
        to.register("scanned_records", help, self.scanned.clone());
        let help = "Durable writes answered before the views showed them";
        to.register("unapplied_writes", help, self.unapplied.clone());
        self.sessions.add_to(to);
    }

    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = known_method(method);
        let answer = Answer {
            method,
            route: route.to_owned(),
            status,
        };
        self.answers.get_or_create(&answer).inc();
        let route = Route {
            route: route.to_owned(),
        };
        self.seconds
            .get_or_create(&route)
            .observe(took.as_secs_f64());
    }

    pub(crate) fn published(&self, lane: Lane, records: u64, duplicates: u64) {
        let class = Class {
            class: lane.as_str(),
        };
        self.published.get_or_create(&class).inc_by(records);
        if duplicates > 0 {
            self.duplicates.get_or_create(&class).inc_by(duplicates);
        }
    }

    /// Counts something that was refused at a limit.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }
}

/// A method as a label: clients may invent words, labels may not grow with them.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    KNOWN
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// Raises a gauge for as long as it lives.
#[derive(Debug)]
pub(crate) struct Raised(Gauge);

impl Raised {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn what_is_counted_is_shown_and_labels_stay_few() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.answered("GET", "/v1/devices", 200, Duration::from_millis(2));
        metrics.answered("FANTASY", "/v1/devices", 405, Duration::ZERO);
        metrics.published(Lane::Critical, 3, 1);
        metrics.refused("requests");
        let raised = Raised::new(&metrics.streams);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            r#"http_requests_total{method="GET",route="/v1/devices",status="200"} 1"#,
            r#"http_requests_total{method="other",route="/v1/devices",status="405"} 1"#,
            r#"http_request_duration_seconds_bucket{le="0.0025",route="/v1/devices"} 2"#,
            r#"http_published_records_total{class="critical"} 3"#,
            r#"http_published_duplicates_total{class="critical"} 1"#,
            r#"http_refused_total{reason="requests"} 1"#,
            "http_streams 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        drop(raised);
        assert_eq!(metrics.streams.get(), 0);
    }
}
