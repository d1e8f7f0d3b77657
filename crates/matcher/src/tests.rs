//! The matcher against the rule of one filter, and at its worst.

use proptest::prelude::*;

use super::*;
use crate::filter::matches;

fn level() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("$s"), Just("")]
}

fn topic() -> impl Strategy<Value = String> {
    prop::collection::vec(level(), 1..4).prop_map(|levels| levels.join("/"))
}

fn filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => level(), 1 => Just("+")];
    (prop::collection::vec(level, 0..4), any::<bool>()).prop_map(|(mut levels, rest)| {
        if rest || levels.is_empty() {
            levels.push("#");
        }
        levels.join("/")
    })
}

proptest! {
    /// Also after filters have gone, and no group more often than it was added.
    #[test]
    fn a_look_up_finds_what_each_filter_matches(
        filters in prop::collection::vec(filter(), 0..12),
        gone in prop::collection::vec(any::<bool>(), 12),
        topics in prop::collection::vec(topic(), 1..8),
    ) {
        let mut matcher = Matcher::default();
        for (group, filter) in (0..).zip(&filters) {
            matcher.add(filter, group);
        }
        for (group, filter) in (0..).zip(&filters).filter(|(at, _)| gone[*at as usize]) {
            prop_assert!(matcher.remove(filter, group));
            prop_assert!(!matcher.remove(filter, group));
        }
        for topic in topics {
            let mut found = matcher.matches(&topic).to_vec();
            found.sort_unstable();
            let want: Vec<u32> = (0..)
                .zip(&filters)
                .filter(|(at, filter)| !gone[*at as usize] && matches(filter, &topic))
                .map(|(at, _)| at)
                .collect();
            prop_assert_eq!(found, want, "{}", topic);
        }
        for (group, filter) in (0..).zip(&filters).filter(|(at, _)| !gone[*at as usize]) {
            matcher.remove(filter, group);
        }
        prop_assert!(matcher.is_empty());
    }

    /// What the width would be is what it is then, and it bounds the trie that one topic can reach.
    #[test]
    fn the_width_is_that_of_the_different_shapes(filters in prop::collection::vec(filter(), 0..12)) {
        let mut matcher = Matcher::default();
        let mut shapes = std::collections::BTreeSet::from([String::new()]);
        for filter in &filters {
            let width = matcher.width_with(filter);
            matcher.add(filter, 0);
            prop_assert_eq!(matcher.width(), width);
            let mut shape = String::new();
            for level in filter.split('/').filter(|level| *level != "#" && !is_exact(filter)) {
                shape.push(if level == "+" { '+' } else { '.' });
                shapes.insert(shape.clone());
            }
        }
        prop_assert_eq!(matcher.width(), shapes.len());
    }
}

/// Every combination of `a` and `+` over so many levels: the bomb that a topic of `a` sets off.
fn bomb(levels: u32) -> impl Iterator<Item = String> {
    (0..1_u32 << levels).map(move |mask| {
        let level = |at| if mask >> at & 1 == 1 { "+" } else { "a" };
        (0..levels).map(level).collect::<Vec<_>>().join("/")
    })
}

#[test]
fn a_wildcard_bomb_shows_in_the_width_before_it_is_there() {
    let mut matcher = Matcher::default();
    let limit = 100;
    let mut refused = 0;
    for filter in bomb(10) {
        if matcher.width_with(&filter) > limit {
            refused += 1;
        } else {
            matcher.add(&filter, 0);
        }
    }
    assert!(refused > 900 && matcher.width() <= limit, "{refused}");
    // Usual filters, however many, are of one shape.
    let before = matcher.width();
    for device in 0..10_000 {
        matcher.add(&format!("devices/{device}/status/+"), device);
    }
    assert!(matcher.width() <= before + 4);
}

#[test]
fn a_topic_of_hundreds_of_levels_is_looked_up_without_recursion() {
    let deep = vec!["a"; 30_000].join("/");
    let mut matcher = Matcher::default();
    let plus = vec!["+"; 30_000].join("/");
    matcher.add(&plus, 1);
    matcher.add(&format!("{plus}/#"), 2);
    matcher.add(&deep, 3);
    let mut found = matcher.matches(&deep);
    found.sort_unstable();
    assert_eq!(found.as_slice(), [1, 2, 3]);
    for (filter, group) in [(&plus, 1), (&format!("{plus}/#"), 2), (&deep, 3)] {
        assert!(matcher.remove(filter, group));
    }
    assert!(matcher.is_empty());
}

#[test]
fn the_generation_tells_of_changes_and_of_nothing_else() {
    let mut matcher = Matcher::default();
    let first = matcher.generation();
    matcher.add("a/+", 1);
    let second = matcher.generation();
    assert_ne!(first, second);
    assert!(!matcher.remove("a/+", 2) && !matcher.remove("a/b", 1));
    assert_eq!(matcher.generation(), second);
    assert!(matcher.remove("a/+", 1));
    assert_ne!(matcher.generation(), second);
}
