//! What was raised, acknowledged and told, and whether it adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use spica_fixture::{Client, Hook, Message};

/// Longest wait for a message: far beyond any backoff.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A seeded source of random numbers (splitmix64), so that a failure can be repeated.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Everything that must hold in the end.
#[derive(Default)]
pub(crate) struct Book {
    /// Serials of the devices that were told that their alarm is durable.
    pub(crate) raised: BTreeSet<String>,
    /// Cases whose acknowledgement was answered with success.
    pub(crate) acknowledged: BTreeSet<String>,
    /// When a node died.
    pub(crate) deaths: Vec<Instant>,
}

impl Book {
    /// Acknowledges the case that a message is about; whether that was certain.
    pub(crate) async fn acknowledge(&mut self, client: &Client, message: &Message) {
        let id = message.text("/case/id").to_owned();
        let path = format!("/v1/cases/{id}/steps");
        let body = json!({ "do": "acknowledge" });
        if client.write(Method::POST, &path, &body).await.is_ok() {
            self.acknowledged.insert(id);
        }
    }

    /// Waits until every emergency was told of, then compares with what the node shows.
    pub(crate) async fn check(&self, hook: &Hook, client: &Client) {
        let told = |messages: &[Message]| {
            let serials: BTreeSet<&str> = messages.iter().map(Message::serial).collect();
            self.raised
                .iter()
                .all(|serial| serials.contains(serial.as_str()))
        };
        hook.until(PATIENCE, told).await.unwrap();
        self.repeats_have_a_reason(&hook.messages());
        let mut cases: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let page = client
            .json("/v1/cases?state=all&condition=man-down&limit=1000")
            .await
            .unwrap();
        for case in page["cases"].as_array().unwrap() {
            let source = case["source"]
                .as_str()
                .unwrap()
                .trim_start_matches("devices/");
            cases
                .entry(source.to_owned())
                .or_default()
                .push(case.clone());
        }
        for serial in &self.raised {
            let of_device = cases.get(serial).map(Vec::as_slice).unwrap_or_default();
            let [case] = of_device else {
                panic!(
                    "device {serial} has {} cases: {of_device:?}",
                    of_device.len()
                );
            };
            assert_eq!(case["repeats"], 0, "one alarm is one occurrence: {case}");
            let id = case["id"].as_str().unwrap();
            if self.acknowledged.contains(id) {
                assert_ne!(case["acknowledged"], Value::Null, "lost: {case}");
            }
        }
    }

    /// A message is sent again with its key only if a node died before it could note the answer.
    fn repeats_have_a_reason(&self, messages: &[Message]) {
        let mut last: BTreeMap<&str, Instant> = BTreeMap::new();
        for message in messages {
            let before = last.insert(&message.key, message.at);
            let Some(before) = before else { continue };
            let died = self
                .deaths
                .iter()
                // A death is noted just before the signal, a message when it is read.
                .any(|death| *death + Duration::from_secs(1) >= before && *death <= message.at);
            assert!(died, "{} came again without a reason", message.key);
        }
    }
}
