//! The index against a plain look at all records: whatever comes, in whatever batches, through
//! crashes and clocks that jump, it finds exactly what is there.
#![expect(clippy::unwrap_used, reason = "test code")]

mod common;

use std::collections::BTreeMap;

use common::{BEGIN, TOPICS, World, event, given, positions, small};
use proptest::prelude::*;
use spica_history::{Order, Query, Resolution, SeriesQuery, Settings, Wanted, number_of};
use spica_model::{Lane, Record, Seq, Timestamp, Topic, TopicFilter};

fn wanted() -> impl Strategy<Value = Wanted> {
    let filter = prop_oneof![
        Just(None),
        proptest::sample::select(vec![
            "#",
            "root/#",
            "root/s1/plant/+",
            "root/s1/plant/b",
            "root/s1/plant/b/#",
            "+/s1/plant/a",
            "root/s1/devices/+/events/man-down",
            "root/s1/devices/#",
            "nothing/here",
            "other",
            "+",
        ])
        .prop_map(|text| Some(TopicFilter::new(text).unwrap())),
    ];
    let below = proptest::sample::select(vec![
        None,
        None,
        Some("root/s1/devices/0000002"),
        Some("root/s1/devices"),
        Some("root/s1/none"),
    ]);
    let event = proptest::sample::select(vec![
        None,
        None,
        Some("man-down"),
        Some("low-battery"),
        Some("fire"),
    ]);
    let hidden = proptest::sample::select(vec![None, None, Some("root/s1/plant/b")]);
    let lane = proptest::sample::select(vec![None, None, Some(Lane::Critical), Some(Lane::Normal)]);
    let time = || {
        proptest::option::of(
            (0i64..20_000).prop_map(|s| Timestamp::from_micros(BEGIN + s * 1_000_000)),
        )
    };
    (filter, below, event, hidden, lane, time(), time()).prop_map(
        |(filter, below, event, hidden, lane, from, to)| Wanted {
            filter,
            below: below.map(|text| Topic::new(text).unwrap()),
            event: event.map(str::to_owned),
            hidden: hidden.map(|text| Topic::new(text).unwrap()),
            lane,
            from,
            to,
        },
    )
}

/// Whether a record is wanted, said in another way than the index says it.
fn is_wanted(wanted: &Wanted, record: &Record) -> bool {
    let topic = record.topic.as_str();
    let below = |prefix: &Topic| topic.starts_with(&format!("{prefix}/"));
    let levels: Vec<&str> = topic.split('/').collect();
    let event = match levels[..] {
        ["root", "s1", "devices", _, "events", name] => Some(name),
        _ => None,
    };
    wanted
        .filter
        .as_ref()
        .is_none_or(|filter| filter.matches(&record.topic))
        && wanted.below.as_ref().is_none_or(below)
        && wanted
            .event
            .as_deref()
            .is_none_or(|name| event == Some(name))
        && !wanted
            .hidden
            .as_ref()
            .is_some_and(|hidden| topic == hidden.as_str() || below(hidden))
        && wanted.lane.is_none_or(|lane| record.position.lane == lane)
        && wanted.from.is_none_or(|from| from <= record.received)
        && wanted.to.is_none_or(|to| record.received < to)
        && !record.is_restated()
}

/// What is wanted of both lanes: neither is reordered, the earlier head comes first.
fn expected(world: &World, wanted: &Wanted) -> Vec<Record> {
    let [critical, normal] = Lane::ALL.map(|lane| {
        let mut records = world.records(lane);
        records.retain(|record| is_wanted(wanted, record));
        records
    });
    let (mut critical, mut normal) = (
        critical.into_iter().peekable(),
        normal.into_iter().peekable(),
    );
    std::iter::from_fn(|| match (critical.peek(), normal.peek()) {
        (Some(c), Some(n)) if n.received < c.received => normal.next(),
        (Some(_), _) => critical.next(),
        (None, _) => normal.next(),
    })
    .collect()
}

/// As [`expected`], going back from the end of both lanes.
fn expected_back(world: &World, wanted: &Wanted) -> Vec<Record> {
    let [critical, normal] = Lane::ALL.map(|lane| {
        let mut records = world.records(lane);
        records.retain(|record| is_wanted(wanted, record));
        records.reverse();
        records
    });
    let (mut critical, mut normal) = (
        critical.into_iter().peekable(),
        normal.into_iter().peekable(),
    );
    std::iter::from_fn(|| match (critical.peek(), normal.peek()) {
        (Some(c), Some(n)) if n.received < c.received => critical.next(),
        (_, Some(_)) => normal.next(),
        (_, None) => critical.next(),
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn every_question_is_answered_as_by_looking_at_all_records(
        records in proptest::collection::vec(given(), 1..300),
        events in proptest::collection::vec(event(), 0..12),
        questions in proptest::collection::vec((wanted(), 1usize..50, 1usize..400), 8),
        max_topics in proptest::sample::select(vec![2usize, 4, 1_000]),
    ) {
        let settings = Settings { max_topics, ..small() };
        let mut world = World::new(settings, &records);
        world.run(&events);
        for (wanted, limit, looks) in questions {
            let mut query = Query { wanted, limit, looks, ..Query::default() };
            let found = world.pages(&query);
            prop_assert_eq!(positions(&found), positions(&expected(&world, &query.wanted)), "{:?}", query);
            query.order = Order::NewestFirst;
            let found = world.pages(&query);
            prop_assert_eq!(positions(&found), positions(&expected_back(&world, &query.wanted)), "{:?}", query);
        }
    }

    #[test]
    fn series_are_what_the_values_make_them(
        records in proptest::collection::vec(given(), 1..300),
        events in proptest::collection::vec(event(), 0..12),
        from in 0i64..20_000,
        length in 1i64..20_000,
    ) {
        let mut world = World::new(small(), &records);
        world.run(&events);
        world.finish();
        let [from, to] = [from, from + length].map(|s| Timestamp::from_micros(BEGIN + s * 1_000_000));
        for topic in TOPICS {
            for resolution in Resolution::ALL {
                let query = SeriesQuery {
                    topic: Topic::new(topic).unwrap(),
                    from,
                    to,
                    points: 100,
                    resolution: Some(resolution),
                };
                let series = world.history().series(&query).unwrap();
                let found: Vec<_> = series.points.iter().map(|point| {
                    let bucket = point.bucket;
                    (point.at, bucket.count, bucket.sum, bucket.min, bucket.max, bucket.last)
                }).collect();
                prop_assert_eq!(found, series_of(&world, &query, resolution));
            }
        }
    }

    #[test]
    fn few_values_come_as_they_are(
        records in proptest::collection::vec(given(), 1..100),
        events in proptest::collection::vec(event(), 0..8),
    ) {
        let mut world = World::new(small(), &records);
        world.run(&events);
        for topic in TOPICS {
            let topic = Topic::new(topic).unwrap();
            let query = SeriesQuery {
                topic: topic.clone(),
                from: Timestamp::from_micros(BEGIN),
                to: Timestamp::from_micros(BEGIN + 20_000_000_000),
                points: 100,
                resolution: None,
            };
            let series = world.history().series(&query).unwrap();
            prop_assert_eq!(series.resolution, None);
            let found: Vec<f64> = series.points.iter().map(|point| point.bucket.last).collect();
            let filter = Some(TopicFilter::new(topic.as_str()).unwrap());
            let mut records = expected(&world, &Wanted { filter, ..Wanted::default() });
            records.sort_by_key(|record| record.received);
            let values = records.iter().filter_map(|record| number_of(record, ""));
            let values: Vec<f64> = values.collect();
            prop_assert_eq!(found, values);
        }
    }
}

type Row = (Timestamp, u64, f64, f64, f64, f64);

/// The intervals of a topic, made from all its values at once. Sums of whole numbers are exact.
fn series_of(world: &World, query: &SeriesQuery, resolution: Resolution) -> Vec<Row> {
    let mut intervals: BTreeMap<Timestamp, Vec<(Timestamp, Seq, f64)>> = BTreeMap::new();
    for lane in Lane::ALL {
        for record in world
            .records(lane)
            .iter()
            .filter(|r| r.topic == query.topic)
        {
            if let Some(value) = number_of(record, "") {
                let begin = resolution.floor(record.received);
                let values = intervals.entry(begin).or_default();
                values.push((record.received, record.position.seq, value));
            }
        }
    }
    let begin = resolution.floor(query.from);
    intervals.retain(|at, _| *at >= begin && *at < query.to);
    let row = |(at, mut values): (Timestamp, Vec<(Timestamp, Seq, f64)>)| {
        // The later lane's wins where all else is the same.
        values.sort_by_key(|(at, seq, _)| (*at, *seq));
        let numbers = || values.iter().map(|(_, _, value)| *value);
        (
            at,
            values.len() as u64,
            numbers().sum(),
            numbers().fold(f64::INFINITY, f64::min),
            numbers().fold(f64::NEG_INFINITY, f64::max),
            values.last().unwrap().2,
        )
    };
    intervals.into_iter().map(row).collect()
}
