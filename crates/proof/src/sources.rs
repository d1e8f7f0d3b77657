//! Which sources call most, and which chatter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use spica_model::Timestamp;

use crate::Options;
use crate::report::{Chatter, Named};

/// Conditions of sources that are counted each, most.
const CONDITIONS: usize = 100_000;

/// Counts by source and condition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// By source, then condition: looked up without a copy of either.
    each: BTreeMap<String, BTreeMap<String, Tally>>,
    conditions: usize,
    others: u64,
}

#[derive(Debug, Clone, Default)]
struct Tally {
    alarms: u64,
    raises: u64,
    episodes: u64,
    /// The last raises, as many as chattering needs.
    last: VecDeque<Timestamp>,
    chattering: bool,
}

impl Sources {
    fn tally(&mut self, source: &str, condition: &str) -> Option<&mut Tally> {
        let known = self
            .each
            .get(source)
            .is_some_and(|of| of.contains_key(condition));
        if !known {
            if self.conditions >= CONDITIONS {
                return None;
            }
            self.conditions += 1;
            let of_source = self.each.entry(source.to_owned()).or_default();
            of_source.insert(condition.to_owned(), Tally::default());
        }
        self.each.get_mut(source)?.get_mut(condition)
    }

    /// Counts an alarm.
    pub(crate) fn alarm(&mut self, source: &str, condition: &str) {
        match self.tally(source, condition) {
            Some(tally) => tally.alarms += 1,
            None => self.others += 1,
        }
    }

    /// Counts a raise, an alarm or a repeat.
    pub(crate) fn raise(
        &mut self,
        source: &str,
        condition: &str,
        at: Timestamp,
        options: &Options,
    ) {
        let Some(tally) = self.tally(source, condition) else {
            return;
        };
        tally.raises += 1;
        tally.last.push_back(at);
        if tally.last.len() > options.chatter_raises {
            tally.last.pop_front();
        }
        let first = tally.last.front().copied().unwrap_or(at);
        let many = tally.last.len() == options.chatter_raises;
        let chatters = many && at.since(first) <= options.chatter_within;
        if chatters && !tally.chattering {
            tally.episodes += 1;
        }
        tally.chattering = chatters;
    }

    fn all(&self) -> impl Iterator<Item = (&String, &String, &Tally)> {
        self.each.iter().flat_map(|(source, conditions)| {
            let each = conditions.iter();
            each.map(move |(condition, tally)| (source, condition, tally))
        })
    }

    /// Those with most alarms, and the alarms of those that are not counted each.
    pub(crate) fn top(&self, options: &Options) -> (Vec<Named>, u64) {
        let named = |(source, condition, tally): (&String, &String, &Tally)| Named {
            source: source.clone(),
            condition: condition.clone(),
            alarms: tally.alarms,
        };
        let mut found: Vec<_> = self
            .all()
            .filter(|(_, _, tally)| tally.alarms > 0)
            .collect();
        // Stable: by name where they are as many.
        found.sort_by_key(|(_, _, tally)| Reverse(tally.alarms));
        (
            found.into_iter().take(options.top).map(named).collect(),
            self.others,
        )
    }

    /// Those that chattered most often, and how many chattered.
    pub(crate) fn chatters(&self, options: &Options) -> (Vec<Chatter>, u64) {
        let chatter = |(source, condition, tally): (&String, &String, &Tally)| Chatter {
            source: source.clone(),
            condition: condition.clone(),
            episodes: tally.episodes,
            raises: tally.raises,
        };
        let mut found: Vec<_> = self
            .all()
            .filter(|(_, _, tally)| tally.episodes > 0)
            .collect();
        found.sort_by_key(|(_, _, tally)| Reverse((tally.episodes, tally.raises)));
        let count = found.len() as u64;
        (
            found.into_iter().take(options.top).map(chatter).collect(),
            count,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new("root", Timestamp::EPOCH, Timestamp::from_secs(1))
    }

    #[test]
    fn three_raises_within_a_minute_are_chattering_until_they_are_rarer() {
        let mut sources = Sources::default();
        // Two episodes: 0 to 90 and 500 to 520; the raises at 200 and 300 are lonely.
        for at in [0, 30, 60, 90, 200, 300, 500, 510, 520] {
            sources.raise("a", "stale", Timestamp::from_secs(at), &options());
        }
        sources.raise("b", "stale", Timestamp::from_secs(1), &options());
        let (chatters, count) = sources.chatters(&options());
        assert_eq!(count, 1);
        assert_eq!((chatters[0].episodes, chatters[0].raises), (2, 9));
    }

    #[test]
    fn conditions_beyond_the_limit_are_counted_together() {
        let mut sources = Sources::default();
        for source in 0..CONDITIONS + 5 {
            sources.alarm(&source.to_string(), "stale");
        }
        sources.alarm("7", "stale");
        let (top, others) = sources.top(&options());
        assert_eq!((top.len(), others), (10, 5));
        assert_eq!((top[0].source.as_str(), top[0].alarms), ("7", 2));
        // By name where they are as many.
        assert_eq!(top[1].source, "0");
    }
}
