//! Which of many topic filters match a path: a tree of their levels.

use std::collections::BTreeMap;

/// Topic filters by number, as a tree of their levels.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    root: Level,
}

#[derive(Debug, Default)]
struct Level {
    named: BTreeMap<String, Level>,
    /// Behind a `+`.
    any: Option<Box<Level>>,
    /// Filters that end here.
    here: Vec<usize>,
    /// Filters that end with a `#` here: they match this level and all below.
    rest: Vec<usize>,
}

impl Matcher {
    /// Numbers the filters from 0.
    pub(super) fn new<'a>(filters: impl IntoIterator<Item = &'a str>) -> Self {
        let mut matcher = Self::default();
        for (number, filter) in filters.into_iter().enumerate() {
            matcher.root.add(filter, number);
        }
        matcher
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        let Level {
            named, any, rest, ..
        } = &self.root;
        named.is_empty() && any.is_none() && rest.is_empty()
    }

    /// The numbers of the filters that match, in their order.
    pub(super) fn find(&self, path: &str) -> Vec<usize> {
        let mut found = Vec::new();
        // As in MQTT, a leading wildcard does not match what begins with `$`.
        let wild = !path.starts_with('$');
        self.root.find(Some(path), wild, &mut found);
        found.sort_unstable();
        found
    }
}

impl Level {
    fn add(&mut self, filter: &str, number: usize) {
        if filter == "#" {
            self.rest.push(number);
            return;
        }
        let (level, rest) = match filter.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (filter, None),
        };
        let next = match level {
            "+" => self.any.get_or_insert_default(),
            _ => self.named.entry(level.to_owned()).or_default(),
        };
        match rest {
            Some(rest) => next.add(rest, number),
            None => next.here.push(number),
        }
    }

    /// `path` is what is left of it; none at its end.
    fn find(&self, path: Option<&str>, wild: bool, found: &mut Vec<usize>) {
        if wild {
            found.extend(&self.rest);
        }
        let Some(path) = path else {
            found.extend(&self.here);
            return;
        };
        let (level, rest) = match path.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (path, None),
        };
        if let Some(next) = self.named.get(level) {
            next.find(rest, true, found);
        }
        if wild && let Some(next) = &self.any {
            next.find(rest, true, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spica_model::{Topic, TopicFilter};

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_each_filter_alone_matches(
            filters in prop::collection::vec("(\\+|a|b|\\$c|)(/(\\+|a|b|)){0,3}(/#)?|#", 0..8),
            path in "(a|b|\\$c|)(/(a|b|)){0,4}",
        ) {
            let filters: Vec<_> = filters.into_iter().filter(|text| !text.is_empty()).collect();
            let matcher = Matcher::new(filters.iter().map(String::as_str));
            prop_assert_eq!(matcher.is_empty(), filters.is_empty());
            let Ok(topic) = Topic::new(path.clone()) else { return Ok(()) };
            let each = filters.iter().enumerate().filter(|(_, filter)| {
                TopicFilter::new(filter.as_str()).unwrap().matches(&topic)
            });
            let want: Vec<_> = each.map(|(number, _)| number).collect();
            prop_assert_eq!(matcher.find(&path), want);
        }
    }
}
