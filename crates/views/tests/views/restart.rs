//! What a checkpoint keeps over a restart, and when it is not used.

use std::fs;
use std::sync::Arc;

use crate::node::{Node, everything, metric, serial, state, states, value};
use proptest::prelude::*;
use spica_journal::Journal;
use spica_journal::memory::MemoryJournal;
use spica_model::{Kind, Lane, Op, Seq};
use spica_views::{Settings, Views};

fn replayed(views: &Views) -> u64 {
    let of = |lane| metric(views, &format!(r#"views_records_total{{lane="{lane}"}}"#));
    of("critical") + of("normal")
}

fn discarded(node: &Node, views: &Views) -> bool {
    let kept = node.dir.path().join("views.redb.discarded").exists();
    assert_eq!(
        kept,
        metric(views, "views_checkpoints_discarded_total") == 1
    );
    kept
}

/// A node whose journal has something of everything.
fn busy() -> Node {
    let node = Node::new();
    for n in 0..50 {
        node.put(&format!("root/{n}"), "1");
        node.place(Lane::Critical, &format!("root/{}", n + 40), Op::Put, b"2");
    }
    node.delete("root/7");
    node.event("root/8", "3");
    node.event("root/9", "3");
    node.put("root/devices/1/registration", r#"{"name":"one"}"#);
    node.put("root/devices/1/check-in", r#"{"software_version":"1.0"}"#);
    node.put(
        "root/devices/1/commands/3",
        r#"{"id":3,"code":2,"name":"take-picture","state":"queued",
            "queued_at":"2026-01-01T00:00:00Z","expires_at":"2026-02-01T00:00:00Z"}"#,
    );
    node
}

/// Whatever a restart found: the views are those of a whole replay.
fn assert_same_as_replay(node: &Node, views: &Views) {
    let afresh = node.start_at(&node.dir.path().join("afresh.redb"));
    assert_eq!(everything(views), everything(&afresh));
    assert_eq!(states(views), states(&afresh));
    assert_eq!(views.devices(None, 99), afresh.devices(None, 99));
    assert_eq!(views.commands(&serial("1")), afresh.commands(&serial("1")));
    afresh.stop();
    fs::remove_file(node.dir.path().join("afresh.redb")).unwrap();
}

#[test]
fn a_restart_replays_only_the_tail() {
    let node = busy();
    node.start().stop();
    let views = node.start();
    assert_eq!(replayed(&views), 0);
    assert_same_as_replay(&node, &views);
    views.stop();
    node.put("root/a", "1");
    let views = node.start();
    assert_eq!(replayed(&views), 1);
    assert_same_as_replay(&node, &views);
    assert!(!discarded(&node, &views));
}

#[test]
fn a_state_beneath_later_events_outlives_a_restart() {
    let node = busy();
    let views = node.start();
    let bytes = metric(&views, "views_state_bytes");
    views.stop();
    let views = node.start();
    assert_eq!(replayed(&views), 0);
    assert_eq!(metric(&views, "views_state_bytes"), bytes);
    assert_same_as_replay(&node, &views);
    views.stop();
    // All that the journal says about the topic is a newer event; its state still stands.
    node.journal.trim(Lane::Normal, Seq(1_000));
    node.event("root/8", "4");
    let views = node.start();
    assert_eq!(replayed(&views), 1);
    assert_eq!(value(&views, "root/8").as_deref(), Some("4"));
    assert_eq!(state(&views, "root/8").as_deref(), Some("1"));
    assert_eq!(state(&views, "root/7"), None);
}

#[test]
fn tombstones_outlive_a_restart() {
    let node = busy();
    node.start().stop();
    let views = node.start();
    assert_eq!(metric(&views, "views_tombstones"), 1);
    views.stop();
    // All that the journal says about the topic is gone; the tombstone still stands.
    node.journal.trim(Lane::Normal, Seq(100));
    let views = node.start();
    assert_eq!(metric(&views, "views_tombstones"), 1);
    assert_eq!(value(&views, "root/7"), None);
}

#[test]
fn retention_keeps_what_no_checkpoint_holds() {
    let node = busy();
    let views = node.start();
    assert_eq!(node.journal.trim(Lane::Normal, Seq(50)), Seq::ZERO);
    views.stop();
    let last = node.journal.status(Lane::Normal).last;
    assert_eq!(node.journal.trim(Lane::Normal, last), Seq(last.0 - 1));
    let views = node.start();
    assert_eq!((replayed(&views), views.status().gap_records), (0, 0));
    assert!(views.topics() > 80, "the state outlives its records");
}

#[test]
fn an_older_checkpoint_and_a_longer_tail_are_as_good() {
    let node = busy();
    node.start().stop();
    let older = node.dir.path().join("older.redb");
    fs::copy(node.checkpoint(), &older).unwrap();
    node.put("root/1", "9");
    node.delete("root/2");
    node.start().stop();
    let views = node.start_at(&older);
    assert_eq!(replayed(&views), 2);
    assert_same_as_replay(&node, &views);
}

/// Gives the node another journal: of so many records in each lane, all on other topics.
fn other_journal(node: &mut Node, records: [u64; 2]) -> Arc<MemoryJournal> {
    let before = std::mem::replace(&mut node.journal, MemoryJournal::new());
    for (lane, records) in Lane::ALL.into_iter().zip(records) {
        for n in 0..records {
            node.place(lane, &format!("root/other/{n}"), Op::Put, b"1");
        }
    }
    before
}

#[test]
fn a_checkpoint_that_ends_beyond_the_journal_is_set_aside() {
    for len in [0, 10, 29] {
        let mut node = Node::new();
        other_journal(&mut node, [0, 30]);
        node.start().stop();
        other_journal(&mut node, [0, len]);
        let views = node.start();
        assert!(discarded(&node, &views), "{len}");
        assert_same_as_replay(&node, &views);
    }
}

#[test]
fn a_checkpoint_of_another_journal_is_set_aside() {
    let mut node = busy();
    node.start().stop();
    let lens = Lane::ALL.map(|lane| node.journal.status(lane).last.0);
    other_journal(&mut node, lens);
    let views = node.start();
    assert!(
        discarded(&node, &views),
        "another record stands where it ends"
    );
    assert_same_as_replay(&node, &views);
}

/// Sets one row of a checkpoint's table.
fn tamper(node: &Node, table: &str, key: &str, value: &[u8]) {
    let database = redb::Database::open(node.checkpoint()).unwrap();
    let writing = database.begin_write().unwrap();
    if table == "meta" {
        let table = redb::TableDefinition::<&str, &[u8]>::new(table);
        writing
            .open_table(table)
            .unwrap()
            .insert(key, value)
            .unwrap();
    } else {
        let table = redb::TableDefinition::<&[u8], &[u8]>::new(table);
        writing
            .open_table(table)
            .unwrap()
            .insert(key.as_bytes(), value)
            .unwrap();
    }
    writing.commit().unwrap();
}

#[test]
fn a_checkpoint_of_another_format_or_without_all_its_rows_is_set_aside() {
    for (row, value) in [("format", 99_u32.to_le_bytes()), ("normal", [0; 4])] {
        let node = busy();
        node.start().stop();
        tamper(&node, "meta", row, &value);
        let views = node.start();
        assert!(discarded(&node, &views), "{row}");
        assert_same_as_replay(&node, &views);
    }
    let node = busy();
    node.start().stop();
    tamper(&node, "meta", "rows", &1_u64.to_le_bytes());
    let views = node.start();
    assert!(discarded(&node, &views));
    assert_same_as_replay(&node, &views);
}

#[test]
fn when_the_journal_has_lost_its_beginning_sound_rows_are_kept() {
    let node = busy();
    node.start().stop();
    let last = node.journal.status(Lane::Normal).last;
    node.journal.trim(Lane::Normal, last);
    node.put("root/3", "new");
    tamper(&node, "topics", "root/devices/1/check-in", b"damaged");
    let views = node.start();
    assert!(discarded(&node, &views));
    assert!(views.status().gap_records > 0, "it is said");
    let device = views.device(&serial("1")).unwrap();
    assert_eq!(device.registration.name.as_deref(), Some("one"));
    assert_eq!(device.last_check_in, None, "what was damaged is not shown");
    assert_eq!(value(&views, "root/3").as_deref(), Some("new"));
    assert_eq!(value(&views, "root/7"), None);
    let shown = everything(&views);
    views.stop();
    fs::remove_file(node.dir.path().join("views.redb.discarded")).unwrap();
    let views = node.start();
    assert!(!discarded(&node, &views));
    assert_eq!(everything(&views), shown);
}

#[test]
fn what_is_no_checkpoint_at_all_is_set_aside() {
    for garbage in [&b"not a database"[..], &[0; 9_000]] {
        let node = busy();
        fs::write(node.checkpoint(), garbage).unwrap();
        let views = node.start();
        assert!(discarded(&node, &views));
        assert_same_as_replay(&node, &views);
    }
}

#[test]
fn a_flipped_bit_is_never_shown() {
    let node = busy();
    node.start().stop();
    let good = fs::read(node.checkpoint()).unwrap();
    let expected = everything(&node.start_at(&node.dir.path().join("afresh.redb")));
    let mut set_aside = 0;
    let steps = 100;
    for step in 0..steps {
        let mut bad = good.clone();
        bad[good.len() * step / steps + step % 7] ^= 1 << (step % 8);
        fs::write(node.checkpoint(), &bad).unwrap();
        let views = node.start();
        assert_eq!(everything(&views), expected);
        assert_eq!(views.device_count(), 1);
        views.stop();
        let aside = node.dir.path().join("views.redb.discarded");
        set_aside += usize::from(fs::remove_file(aside).is_ok());
    }
    assert!(set_aside > 0, "some flips were in bytes that count");
}

#[test]
fn a_file_that_another_node_has_open_is_an_error_not_damage() {
    let node = busy();
    let _views = node.start();
    let error = Views::start(
        node.journal.clone(),
        "root".parse().unwrap(),
        Settings::default(),
        &node.checkpoint(),
        node.clock,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("Is another node running"),
        "{error}"
    );
}

#[test]
fn a_path_that_can_be_no_file_is_an_error_not_damage() {
    let node = busy();
    fs::create_dir(node.checkpoint()).unwrap();
    let error = Views::start(
        node.journal,
        "root".parse().unwrap(),
        Settings::default(),
        &node.dir.path().join("views.redb"),
        node.clock,
    );
    assert!(matches!(
        error,
        Err(spica_views::OpenError::Checkpoint { .. })
    ));
    assert!(
        node.dir.path().join("views.redb").is_dir(),
        "it is left alone"
    );
}

#[tokio::test]
async fn checkpoints_are_written_while_the_views_run() {
    let mut node = Node::with(Settings {
        checkpoint_records: 10,
        ..Settings::default()
    });
    node.settings.chunk_records = 3;
    let views = node.start();
    for n in 0..100 {
        views
            .applied(Lane::Normal, node.put(&format!("root/{n}"), "1"))
            .await;
    }
    // Ends the thread that writes, so that its last word is known.
    views.stop();
    assert!(metric(&views, "views_checkpoints_total") > 1);
    assert_eq!(metric(&views, "views_checkpoint_failures_total"), 0);
    assert_eq!(
        metric(&views, "views_checkpoint_topics_total"),
        100,
        "only what has changed"
    );
    drop(views);
    assert_eq!(replayed(&node.start()), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn restarts_at_any_place_make_no_difference(
        steps in prop::collection::vec((0u8..12, 0u8..10, any::<bool>()), 1..60),
        chunk_records in 1usize..5,
        checkpoint_records in 1usize..20,
    ) {
        let node = Node::with(Settings { chunk_records, checkpoint_records, ..Settings::default() });
        let mut views: Option<Arc<Views>> = None;
        for (what, topic, critical) in steps {
            let lane = if critical { Lane::Critical } else { Lane::Normal };
            let topic = match topic {
                0 => "root/devices/1/registration".to_owned(),
                1 => "root/devices/1/check-in".to_owned(),
                n => format!("root/{n}"),
            };
            node.clock.advance(std::time::Duration::from_secs(u64::from(what)));
            match what {
                0 => if let Some(views) = views.take() { views.stop() },
                1 => { views.get_or_insert_with(|| node.start()); }
                2..4 => { node.place(lane, &topic, Op::Delete, b""); }
                4..7 => { node.place_as(Kind::Event, lane, &topic, Op::Put, b"{}"); }
                7 => { node.place_as(Kind::Event, lane, &topic, Op::Delete, b""); }
                _ => { node.place(lane, &topic, Op::Put, br#"{"software_version":"1"}"#); }
            }
        }
        drop(views);
        let views = node.start();
        assert_same_as_replay(&node, &views);
    }
}
