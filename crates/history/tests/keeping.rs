//! What is kept, for how long, and what is said of what is not there.

mod common;

use std::sync::Arc;

use common::{BEGIN, Given, How, TOPICS, World, open, place, positions, small};
use spica_history::{Query, Resolution, RetentionRule, SeriesQuery, Wanted};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Followed, Journal};
use spica_model::{Lane, Seq, Timestamp, Topic, TopicFilter};
use spica_settings::Span;

#[test]
fn records_are_found_for_as_long_as_the_rules_say() {
    let mut settings = small();
    settings.retention.push(RetentionRule {
        topics: "root/s1/plant/#".into(),
        age: Span::from_secs(5_000),
    });
    let given = |topic, at| Given {
        lane: Lane::Normal,
        topic,
        at,
        value: 1,
        how: How::Number,
    };
    // The clock shows 20,000.
    let records = [
        given(0, 14_999),
        given(0, 15_000),
        given(8, 1),
        given(1, 19_000),
    ];
    let mut world = World::new(settings, &records);
    let found = || positions(&world.pages(&Query::default()));
    assert_eq!(
        found(),
        ["1/normal/2", "1/normal/3", "1/normal/4"],
        "by reading the journal"
    );
    world.finish();
    let plant = Wanted {
        filter: Some(TopicFilter::new("root/s1/plant/#").unwrap()),
        ..Wanted::default()
    };
    let query = Query {
        wanted: plant,
        ..Query::default()
    };
    assert_eq!(
        positions(&world.pages(&query)),
        ["1/normal/2", "1/normal/4"],
        "by the index"
    );
}

#[test]
fn damage_is_said_where_it_stands_also_long_after() {
    let records: Vec<Given> = (0..100)
        .map(|at| Given {
            lane: Lane::Normal,
            topic: 0,
            at,
            value: 1,
            how: How::Number,
        })
        .collect();
    let mut world = World::new(small(), &records);
    world.journal.damage(Lane::Normal, Seq(40), Seq(45));
    let handler = &mut world.handlers[Lane::Normal.index()];
    let mut follower = world.journal.follow(Lane::Normal, Seq::ZERO).unwrap();
    loop {
        match follower.read(10).unwrap() {
            Followed::Records(records) => handler.handle(&records).unwrap(),
            Followed::Damaged(damage) => handler
                .missed(&spica_handler::Missed {
                    lane: Lane::Normal,
                    from: damage.from,
                    to: damage.to,
                    kind: spica_handler::MissedKind::Damage,
                })
                .unwrap(),
            _ => break,
        }
    }
    for written in [false, true] {
        if written {
            world.handlers[Lane::Normal.index()].checkpoint().unwrap();
        }
        let mut query = Query {
            wanted: Wanted {
                filter: Some(TopicFilter::new(TOPICS[0]).unwrap()),
                ..Wanted::default()
            },
            limit: 50,
            ..Query::default()
        };
        let first = world.history().query(&query).unwrap();
        assert_eq!(first.records.len(), 50);
        let range = (first.damaged[0].from, first.damaged[0].to);
        assert_eq!((first.damaged.len(), range), (1, (Seq(40), Seq(45))));
        query.after = first.next;
        let second = world.history().query(&query).unwrap();
        assert_eq!((second.records.len(), second.damaged.len()), (44, 0));
    }
}

#[test]
fn an_index_of_another_journal_or_version_is_built_anew() {
    let record = |value| Given {
        lane: Lane::Normal,
        topic: 0,
        at: i64::from(value),
        value,
        how: How::Number,
    };
    let mut world = World::new(small(), &[record(1), record(2)]);
    world.finish();
    let through = |journal: &Arc<MemoryJournal>| {
        let history = open(&world.dir, journal, &world.settings);
        history.through(Lane::Normal)
    };
    let other = MemoryJournal::new();
    [record(1), record(5), record(6)]
        .iter()
        .for_each(|given| place(&other, given));
    drop(world.handlers);
    drop(world.history);
    assert_eq!(through(&world.journal), Seq(2), "it is known again");
    assert_eq!(
        through(&other),
        Seq::ZERO,
        "another record stands where it ends"
    );
    std::fs::write(world.dir.path().join("normal.redb"), b"no database").unwrap();
    assert_eq!(through(&world.journal), Seq::ZERO, "it is damaged");
}

#[test]
fn what_retention_has_removed_goes_from_the_index() {
    let records: Vec<Given> = (0..1_000)
        .map(|at| Given {
            lane: Lane::Normal,
            topic: 0,
            at,
            value: 1,
            how: How::Number,
        })
        .collect();
    let mut world = World::new(small(), &records);
    world.finish();
    world.journal.trim(Lane::Normal, Seq(900));
    let query = Query {
        wanted: Wanted {
            filter: Some(TopicFilter::new(TOPICS[0]).unwrap()),
            ..Wanted::default()
        },
        limit: 1_000,
        ..Query::default()
    };
    let page = world.history().query(&query).unwrap();
    assert_eq!(
        (page.records.len(), page.gaps.len(), page.next),
        (100, 0, None)
    );
    // The plot still has all values.
    let series = SeriesQuery {
        topic: Topic::new(TOPICS[0]).unwrap(),
        from: Timestamp::from_micros(BEGIN),
        to: Timestamp::from_micros(BEGIN + 1_000_000_000),
        points: 5_000,
        resolution: None,
    };
    let series = world.history().series(&series).unwrap();
    let count: u64 = series.points.iter().map(|point| point.bucket.count).sum();
    assert_eq!(
        (series.resolution, count),
        (Some(Resolution::Minute), 1_000)
    );
}
