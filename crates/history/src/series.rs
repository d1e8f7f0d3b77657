//! Series: the values of a topic over time, exact or by the interval.

use std::collections::BTreeMap;

use spica_journal::Journal;
use spica_model::{Timestamp, Topic, TopicFilter};

use crate::bucket::{Bucket, Resolution};
use crate::error::HistoryError;
use crate::index::lane::LaneIndex;
use crate::index::store::{BUCKETS, bucket_key, split_bucket_key};
use crate::number::number_of;
use crate::query::{self, Query, Wanted};
use crate::rules::Rules;
use crate::settings::SeriesTime;

/// Most points of a series.
const POINTS_MAX: usize = 10_000;
/// How many records may be read for exact values, for each that is wanted.
const LOOKS: usize = 4;

/// Which series.
#[derive(Debug, Clone)]
pub struct SeriesQuery {
    /// The topic.
    pub topic: Topic,
    /// From this time on.
    pub from: Timestamp,
    /// Before this time.
    pub to: Timestamp,
    /// Most points, at most 10,000. If there are no more values, they come exact; else by the finest
    /// intervals of which there are no more.
    pub points: usize,
    /// The interval to use whatever the points; none to choose by them.
    pub resolution: Option<Resolution>,
}

/// A value, or all values of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When: of an interval its beginning.
    pub at: Timestamp,
    /// What there is.
    pub bucket: Bucket,
}

/// The values of a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// How long the intervals are; none if each point is one value.
    pub resolution: Option<Resolution>,
    /// By time. Intervals without values are not there.
    pub points: Vec<Point>,
}

/// Reads a series.
pub(crate) fn run(
    journal: &dyn Journal,
    indexes: [&LaneIndex; 2],
    rules: &Rules,
    query: &SeriesQuery,
    now: Timestamp,
) -> Result<Series, HistoryError> {
    let points = query.points.clamp(1, POINTS_MAX);
    if query.resolution.is_none()
        && let Some(series) = exact(journal, indexes, rules, query, points)?
    {
        return Ok(series);
    }
    let resolution = query
        .resolution
        .unwrap_or_else(|| fitting(rules, query, points, now));
    let mut merged: BTreeMap<Timestamp, Bucket> = BTreeMap::new();
    for index in indexes {
        for (begin, bucket) in buckets(index, query, resolution)? {
            merged
                .entry(begin)
                .and_modify(|known| known.merge(&bucket))
                .or_insert(bucket);
        }
    }
    let points = merged.into_iter().take(POINTS_MAX);
    Ok(Series {
        resolution: Some(resolution),
        points: points.map(|(at, bucket)| Point { at, bucket }).collect(),
    })
}

/// The finest intervals of which there are not too many, and that are kept for long enough.
fn fitting(rules: &Rules, query: &SeriesQuery, points: usize, now: Timestamp) -> Resolution {
    let fits = |resolution: &Resolution| {
        let length = resolution.length().as_micros();
        let count = query.to.since(query.from).as_micros().div_ceil(length);
        let kept = now.saturating_sub(resolution.age(&rules.settings.series_ages));
        count <= points as u128 && kept <= query.from
    };
    Resolution::ALL
        .into_iter()
        .find(fits)
        .unwrap_or(Resolution::Day)
}

/// The values themselves, if they are few and all are there.
fn exact(
    journal: &dyn Journal,
    indexes: [&LaneIndex; 2],
    rules: &Rules,
    query: &SeriesQuery,
    points: usize,
) -> Result<Option<Series>, HistoryError> {
    let rule = rules
        .series_of(&query.topic)
        .and_then(|rule| rules.series(rule));
    // By the time of their source they cannot be found in the journal.
    let Some(rule) = rule.filter(|rule| rule.time == SeriesTime::Received) else {
        return Ok(None);
    };
    if !is_all_kept(journal, indexes, rules, query)? {
        return Ok(None);
    }
    let Ok(filter) = TopicFilter::new(query.topic.as_str()) else {
        return Ok(None);
    };
    let records = Query {
        wanted: Wanted {
            filter: Some(filter),
            from: Some(query.from),
            to: Some(query.to),
            ..Wanted::default()
        },
        limit: points + 1,
        looks: points.saturating_mul(LOOKS).max(1_024),
        ..Query::default()
    };
    let page = query::run(journal, indexes, &records)?;
    if page.next.is_some() || page.records.len() > points {
        return Ok(None);
    }
    let point = |record: &spica_model::Record| {
        let value = number_of(record, &rule.pointer)?;
        Some(Point {
            at: record.received,
            bucket: Bucket::of(value, record.received, record.position.seq),
        })
    };
    let mut points: Vec<Point> = page.records.iter().filter_map(point).collect();
    // Where a clock jumped, the order of the lanes is another one.
    points.sort_by_key(|point| point.at);
    Ok(Some(Series {
        resolution: None,
        points,
    }))
}

/// Whether no value of the time has been removed from the journal, as far as intervals can tell.
fn is_all_kept(
    journal: &dyn Journal,
    indexes: [&LaneIndex; 2],
    rules: &Rules,
    query: &SeriesQuery,
) -> Result<bool, HistoryError> {
    let now = indexes[0].clock.wall();
    if rules
        .horizon(&query.topic, now)
        .is_some_and(|horizon| horizon > query.from)
    {
        return Ok(false);
    }
    for index in indexes {
        let first = journal.status(index.lane).first;
        if first <= spica_model::Seq(1) {
            continue;
        }
        // A value that is gone, and was received within the time, is in an interval whose records
        // began before the first that is kept.
        let Some((_, received)) = first_kept(journal, index)? else {
            continue;
        };
        let before = SeriesQuery {
            to: query.to.min(received),
            ..query.clone()
        };
        if before.from < before.to && !buckets(index, &before, Resolution::Day)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first record of a lane that can be read.
fn first_kept(
    journal: &dyn Journal,
    index: &LaneIndex,
) -> Result<Option<(spica_model::Seq, Timestamp)>, HistoryError> {
    let first = journal.status(index.lane).first;
    let mut follower = journal.follow(index.lane, spica_model::Seq(first.0 - 1))?;
    for _ in 0..2 {
        if let spica_journal::Followed::Records(records) = follower.read(1)? {
            return Ok(records
                .first()
                .map(|record| (record.position.seq, record.received)));
        }
    }
    Ok(None)
}

/// The intervals of a topic that begin in the time, from the one in which it begins; with what is in
/// memory.
fn buckets(
    index: &LaneIndex,
    query: &SeriesQuery,
    resolution: Resolution,
) -> Result<Vec<(Timestamp, Bucket)>, HistoryError> {
    let begin = resolution.floor(query.from);
    let name = query.topic.as_bytes();
    let mut found: BTreeMap<Timestamp, Bucket> = BTreeMap::new();
    let reading = {
        let state = index.state();
        let known = index.store.list_of(name)?;
        let fresh = state
            .heads()
            .find_map(|head| head.names.get(&name[..]).copied());
        let Some(list) = known.or(fresh) else {
            return Ok(Vec::new());
        };
        for (&(of, minute), bucket) in state.heads().flat_map(|head| &head.minutes) {
            let at = resolution.floor(Timestamp::from_micros(minute));
            if of == list && at >= begin && at < query.to {
                found
                    .entry(at)
                    .and_modify(|known| known.merge(bucket))
                    .or_insert(*bucket);
            }
        }
        (index.store.read()?, list)
    };
    let (reading, list) = reading;
    let table = reading.open_table(BUCKETS).map_err(HistoryError::index)?;
    let [from, to] = [begin, query.to].map(|time| bucket_key(resolution, list, time));
    if from < to {
        for row in table
            .range::<&[u8; 13]>(&from..&to)
            .map_err(HistoryError::index)?
        {
            let (key, bucket) = row.map_err(HistoryError::index)?;
            if let Some(bucket) = Bucket::decode(bucket.value()) {
                let at = split_bucket_key(key.value()).2;
                found
                    .entry(at)
                    .and_modify(|known| known.merge(&bucket))
                    .or_insert(bucket);
            }
        }
    }
    Ok(found.into_iter().collect())
}
