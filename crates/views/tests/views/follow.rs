//! What the views show of a journal, and what they say when they cannot.

use std::time::Duration;

use crate::node::{Node, everything, metric, serial, state, states, value};
use spica_journal::CommitErrorKind;
use spica_model::{Lane, Op, Seq, Topic};
use spica_views::Settings;

#[tokio::test]
async fn what_is_durable_is_shown_and_no_more() {
    let node = Node::new();
    let views = node.start();
    views.applied(Lane::Normal, node.put("root/a", "1")).await;
    node.journal.hold(Lane::Normal);
    let seq = node.put("root/a", "2");
    // The critical lane goes on meanwhile, which shows that the thread had its chance.
    let critical = node.place(Lane::Critical, "root/b", Op::Put, b"3");
    views.applied(Lane::Critical, critical).await;
    assert_eq!(value(&views, "root/a").as_deref(), Some("1"));
    assert_eq!(value(&views, "root/b").as_deref(), Some("3"));
    node.journal.release(Lane::Normal);
    views.applied(Lane::Normal, seq).await;
    assert_eq!(value(&views, "root/a").as_deref(), Some("2"));
    assert_eq!(views.status().applied, [Seq(1), Seq(2)]);
    assert_eq!(views.status().behind, [0, 0]);
    assert!(views.status().is_whole());
}

#[tokio::test]
async fn what_was_durable_before_the_start_is_shown_at_once() {
    let node = Node::new();
    for n in 0..10_000 {
        node.put(&format!("root/{}", n % 100), &n.to_string());
    }
    node.delete("root/7");
    let views = node.start();
    assert_eq!(views.topics(), 99);
    assert_eq!(value(&views, "root/99").as_deref(), Some("9999"));
    assert_eq!(
        metric(&views, r#"views_records_total{lane="normal"}"#),
        10_001
    );
    assert_eq!(metric(&views, "views_topics"), 99);
}

#[tokio::test]
async fn subscribers_get_every_batch_in_order() {
    let node = Node::new();
    let views = node.start();
    let mut live = views.subscribe();
    for n in 1..=100_u64 {
        node.put("root/a", &n.to_string());
    }
    let mut next = Seq(1);
    while next <= Seq(100) {
        for record in live.recv().await.unwrap().iter() {
            assert_eq!(record.position.seq, next);
            next = next.next();
        }
    }
}

#[tokio::test]
async fn a_gap_is_counted_and_the_rest_is_shown() {
    let node = Node::new();
    for n in 0..10 {
        node.put("root/a", &n.to_string());
    }
    node.journal.trim(Lane::Normal, Seq(4));
    let views = node.start();
    assert_eq!(value(&views, "root/a").as_deref(), Some("9"));
    assert_eq!(views.status().gap_records, 4);
    assert!(!views.status().is_whole());
    assert_eq!(
        metric(&views, r#"views_gap_records_total{lane="normal"}"#),
        4
    );
}

#[tokio::test]
async fn damage_is_counted_and_the_rest_is_shown() {
    let node = Node::new();
    for topic in ["root/a", "root/b", "root/c"] {
        node.put(topic, "1");
    }
    node.journal.damage(Lane::Normal, Seq(2), Seq(2));
    let views = node.start();
    assert_eq!(everything(&views).len(), 2);
    assert_eq!(views.status().damaged_records, 1);
    assert!(!views.status().is_whole());
}

#[tokio::test]
async fn a_device_record_that_cannot_be_read_shows_no_device() {
    let node = Node::new();
    let views = node.start();
    let registration = "root/devices/1/registration";
    views
        .applied(Lane::Normal, node.put(registration, "{}"))
        .await;
    assert!(views.device(&serial("1")).is_some());
    views
        .applied(Lane::Normal, node.put(registration, "{"))
        .await;
    assert!(views.device(&serial("1")).is_none());
    assert_eq!(views.status().undecodable, 1);
    views.stop();
    let views = node.start();
    assert!(views.device(&serial("1")).is_none());
    assert_eq!(views.status().undecodable, 1, "also said after a restart");
}

#[tokio::test]
async fn topics_beyond_the_limit_are_counted_and_can_be_asked_for() {
    let node = Node::with(Settings {
        max_topics: 2,
        ..Settings::default()
    });
    let views = node.start();
    for topic in ["root/a", "root/b", "root/c"] {
        views.applied(Lane::Normal, node.put(topic, "1")).await;
    }
    assert_eq!(views.topics(), 2);
    assert_eq!(value(&views, "root/c"), None);
    assert!(views.would_exceed(&Topic::new("root/c").unwrap()));
    assert!(!views.would_exceed(&Topic::new("root/b").unwrap()));
    assert_eq!(views.status().over_limit, 1);
    assert_eq!(metric(&views, "views_over_limit_total"), 1);
}

#[tokio::test]
async fn an_event_hides_the_value_of_its_topic_but_not_its_state() {
    let node = Node::new();
    let views = node.start();
    let seqs = [
        node.put("root/a", "retained"),
        node.event("root/a", "later"),
    ];
    for seq in seqs {
        views.applied(Lane::Normal, seq).await;
        assert_eq!(state(&views, "root/a").as_deref(), Some("retained"));
    }
    assert_eq!(value(&views, "root/a").as_deref(), Some("later"));
    views.applied(Lane::Normal, node.delete("root/a")).await;
    assert_eq!(state(&views, "root/a"), None);
    assert_eq!(value(&views, "root/a"), None);
}

#[tokio::test]
async fn all_states_are_shown_in_pages_of_some_topics_each() {
    let node = Node::new();
    let views = node.start();
    assert_eq!(states(&views), [], "and no page without any");
    let topic = |n: u32| format!("root/{}/{n:04}", if n < 100 { "a" } else { "b" });
    for n in 0..2_100 {
        // Whole pages are of topics without a state.
        if n < 200 || n % 512 == 0 {
            node.put(&topic(n), "retained");
        }
        node.event(&topic(n), "later");
    }
    let last = node.put("root/b", "itself");
    views.applied(Lane::Normal, last).await;
    let list = |prefix: &str| -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        views.retained(prefix, |page| {
            assert!(page.iter().all(|it| it.payload != "later"));
            pages.push(page.iter().map(|it| it.topic.to_string()).collect());
        });
        pages
    };
    let below = (0..2_100).filter(|n| *n < 200 || n % 512 == 0).map(topic);
    let mut expected: Vec<_> = below.chain(["root/b".to_owned()]).collect();
    expected.sort_unstable();
    let pages = list("");
    assert_eq!(pages.concat(), expected);
    assert!(pages.len() > 1 && pages.iter().all(|page| !page.is_empty()));
    assert_eq!(list("root/a").concat(), expected[..100]);
    assert_eq!(list("root/b").concat(), expected[100..]);
    assert_eq!(list("root/c"), Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn nobody_waits_for_a_lane_that_has_failed_or_for_views_that_ended() {
    let node = Node::new();
    let views = node.start();
    views.applied(Lane::Normal, node.put("root/a", "1")).await;
    node.journal.fail(Lane::Critical, CommitErrorKind::Sync);
    views.applied(Lane::Critical, Seq(1)).await;
    assert!(views.status().failure.is_some(), "said for health checks");
    views.applied(Lane::Normal, node.put("root/a", "2")).await;
    assert_eq!(value(&views, "root/a").as_deref(), Some("2"));
    views.stop();
    views.applied(Lane::Normal, Seq(99)).await;
    views.stop();
}

#[tokio::test]
async fn a_closed_journal_is_no_failure() {
    let node = Node::new();
    let views = node.start();
    node.journal.close();
    views.applied(Lane::Normal, Seq(1)).await;
    views.applied(Lane::Critical, Seq(1)).await;
    assert_eq!(views.status().failure, None);
}

#[tokio::test]
async fn a_watch_hears_of_registrations_and_commands_but_not_of_check_ins() {
    let node = Node::new();
    let views = node.start();
    let mut watch = views.watch_device(&serial("1"));
    node.put("root/devices/1/registration", "{}");
    watch.changed().await;
    assert!(
        views.device(&serial("1")).is_some(),
        "the change is shown by then"
    );
    let check_in = node.put("root/devices/1/check-in", r#"{"software_version":"1.0"}"#);
    views.applied(Lane::Normal, check_in).await;
    let waiting = tokio::time::timeout(Duration::ZERO, watch.changed());
    assert!(waiting.await.is_err());
    assert_eq!(
        views
            .device(&serial("1"))
            .unwrap()
            .software_version
            .as_deref(),
        Some("1.0")
    );
    let command = r#"{"id":1,"code":2,"name":"x","state":"queued",
        "queued_at":"2026-01-01T00:00:00Z","expires_at":"2026-02-01T00:00:00Z"}"#;
    node.put("root/devices/1/commands/1", command);
    watch.changed().await;
    assert_eq!(views.commands(&serial("1")).len(), 1);
    node.delete("root/devices/1/commands/1");
    watch.changed().await;
    assert!(views.commands(&serial("1")).is_empty());
    node.delete("root/devices/1/registration");
    watch.changed().await;
    assert!(views.device(&serial("1")).is_none());
}

#[tokio::test]
async fn devices_are_listed_from_any_place_on() {
    let node = Node::new();
    let views = node.start();
    let mut last = Seq::ZERO;
    for name in ["b", "a", "c"] {
        last = node.put(&format!("root/devices/{name}/registration"), "{}");
    }
    views.applied(Lane::Normal, last).await;
    let list = |after, limit| -> String {
        let devices = views.devices(after, limit);
        devices
            .iter()
            .map(|device| device.serial.as_str())
            .collect()
    };
    assert_eq!(list(None, 2), "ab");
    assert_eq!(list(Some("b"), 9), "c");
    assert_eq!(list(Some("a text that is no serial"), 9), "bc");
    assert_eq!(views.device_count(), 3);
}
