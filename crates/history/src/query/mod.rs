//! Finding records: by the lists of the index as far as it reaches, then by reading on in the
//! journal.
//!
//! The order: each lane in the order of its numbers, or its reverse; of the two next records the one
//! that was received earlier (later) comes first, and of two received at once the critical one
//! (last). A lane is never reordered, so where a clock jumped back the times jump, too.

mod fetch;
mod lane;
pub(crate) mod list;
mod plan;

use spica_journal::Journal;
use spica_model::{Lane, Record, Seq, Timestamp, Topic, TopicFilter};

use self::lane::{Item, LaneReader};
use crate::error::HistoryError;
use crate::index::lane::LaneIndex;

/// Which way to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// From the past on.
    #[default]
    OldestFirst,
    /// From now back.
    NewestFirst,
}

/// Which records are wanted. Without any condition: all of them. A restated record never is: it is no
/// new fact.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Topics.
    pub filter: Option<TopicFilter>,
    /// A topic of which only what is strictly below is wanted, such as that of a device.
    pub below: Option<Topic>,
    /// The name of an event of devices, such as `man-down`.
    pub event: Option<String>,
    /// A topic that is hidden, with all below.
    pub hidden: Option<Topic>,
    /// The class; both if there is none.
    pub lane: Option<Lane>,
    /// Received at or after this time.
    pub from: Option<Timestamp>,
    /// Received before this time.
    pub to: Option<Timestamp>,
}

impl Wanted {
    /// Whether a topic is about what is wanted, `event` being the name of the event that it is about.
    fn fits(&self, topic: &Topic, event: Option<&str>) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(topic))
            && self
                .below
                .as_ref()
                .is_none_or(|prefix| topic.below(prefix.as_str()).is_some())
            && self
                .event
                .as_ref()
                .is_none_or(|wanted| event == Some(wanted))
            && self
                .hidden
                .as_ref()
                .is_none_or(|hidden| !topic.is_within(hidden.as_str()))
    }

    fn is_timely(&self, received: Timestamp) -> bool {
        self.from.is_none_or(|from| received >= from) && self.to.is_none_or(|to| received < to)
    }
}

/// A place between records, in both lanes: where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The last record of the critical lane that was seen.
    pub critical: Seq,
    /// The last record of the normal lane that was seen.
    pub normal: Seq,
}

impl Place {
    const fn of(self, lane: Lane) -> Seq {
        match lane {
            Lane::Critical => self.critical,
            Lane::Normal => self.normal,
        }
    }
}

/// A question.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which records.
    pub wanted: Wanted,
    /// Which way to go.
    pub order: Order,
    /// Where the page before ended; none for the first page.
    pub after: Option<Place>,
    /// Most records of the page.
    pub limit: usize,
    /// About how many records are looked at, at most; the page may end early then and say where to
    /// go on.
    pub looks: usize,
}

impl Default for Query {
    /// The oldest 100 records, 10,000 looks.
    fn default() -> Self {
        Self {
            wanted: Wanted::default(),
            order: Order::OldestFirst,
            after: None,
            limit: 100,
            looks: 10_000,
        }
    }
}

/// Records that retention has removed while the page was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapRange {
    /// The lane.
    pub lane: Lane,
    /// The first one.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
}

/// Records that are damaged on disk; whether they are wanted cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedRange {
    /// The lane.
    pub lane: Lane,
    /// The first one.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
}

/// Some of what was found.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// What is gone of the part of the journal that the page is about.
    pub gaps: Vec<GapRange>,
    /// What is damaged in that part.
    pub damaged: Vec<DamagedRange>,
    /// Give this as `after` for the next page; none at the end. A page may be short, even empty, and
    /// still have a next one.
    pub next: Option<Place>,
}

/// Answers a question from the indexes of the lanes, critical first. Reads from disk.
pub(crate) fn run(
    journal: &dyn Journal,
    indexes: [&LaneIndex; 2],
    query: &Query,
) -> Result<Page, HistoryError> {
    let asked = indexes
        .into_iter()
        .filter(|index| query.wanted.lane.is_none_or(|lane| lane == index.lane));
    let asked: Vec<&LaneIndex> = asked.collect();
    let looks = (query.looks / asked.len().max(1)).max(1);
    let readers = asked
        .into_iter()
        .map(|index| LaneReader::new(journal, index, query, looks));
    let mut lanes = readers.collect::<Result<Vec<_>, _>>()?;
    let mut page = Page::default();
    let more = loop {
        for lane in &mut lanes {
            lane.fill()?;
        }
        // A lane that may not look hides whether its next record would come first.
        if lanes.iter().any(LaneReader::is_starved) {
            break true;
        }
        let Some(next) = first(&lanes, query.order) else {
            break false;
        };
        if page.records.len() >= query.limit {
            break true;
        }
        match lanes[next].take() {
            Some(Item::Record(record)) => page.records.push(record),
            Some(Item::Gap(range)) => page.gaps.push(range),
            Some(Item::Damaged(range)) => page.damaged.push(range),
            None => {}
        }
    };
    for lane in &lanes {
        lane.add_damage(&mut page.damaged)?;
    }
    page.next = more.then(|| place(journal, query, &lanes));
    Ok(page)
}

/// Index of the lane whose next item comes first.
fn first(lanes: &[LaneReader<'_>], order: Order) -> Option<usize> {
    let mut best: Option<(usize, Option<Timestamp>)> = None;
    for (at, lane) in lanes.iter().enumerate() {
        let Some(received) = lane.next_received() else {
            continue;
        };
        let comes_first = match (best, order) {
            (None, _) => true,
            // What has no time comes at once.
            (Some((_, known)), Order::OldestFirst) => received < known,
            (Some((_, None)), Order::NewestFirst) => false,
            (Some((_, known)), Order::NewestFirst) => received.is_none() || received >= known,
        };
        if comes_first {
            best = Some((at, received));
        }
    }
    best.map(|(at, _)| at)
}

/// Where the page ended.
fn place(journal: &dyn Journal, query: &Query, lanes: &[LaneReader<'_>]) -> Place {
    let of = |lane: Lane| {
        let reader = lanes.iter().find(|reader| reader.lane() == lane);
        let begin = || match query.order {
            Order::OldestFirst => Seq::ZERO,
            Order::NewestFirst => journal.status(lane).durable.next(),
        };
        let unread = || query.after.map_or_else(begin, |after| after.of(lane));
        reader.map_or_else(unread, LaneReader::place)
    };
    Place {
        critical: of(Lane::Critical),
        normal: of(Lane::Normal),
    }
}
