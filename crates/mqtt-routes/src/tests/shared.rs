//! Shared groups.

use super::*;
use crate::Strategy;

fn group(strategy: Strategy, members: std::ops::Range<u32>) -> Routes {
    let shares = Shares {
        otherwise: strategy,
        ..Shares::default()
    };
    let mut routes = Routes::new(Limits::default(), shares);
    for session in members {
        routes.subscribe(session, "$share/g/a/#", &qos(1)).unwrap();
    }
    routes
}

fn pick(
    routes: &Routes,
    (publisher, topic): (&str, &str),
    load: impl Fn(SessionId) -> Load,
) -> SessionId {
    let targets = routes.targets(topic);
    let message = Message { publisher, topic };
    let picked = routes.pick(targets.groups()[0], &message, load);
    picked.unwrap().session
}

fn all(routes: &Routes, load: impl Fn(SessionId) -> Load + Copy) -> Vec<SessionId> {
    (0..6).map(|_| pick(routes, ("p", "a/b"), load)).collect()
}

#[test]
fn each_in_turn_and_who_is_away_is_passed_over() {
    let routes = group(Strategy::RoundRobin, 0..3);
    assert_eq!(all(&routes, |_| Load::Ready(0)), [0, 1, 2, 0, 1, 2]);
    let one_away = |session| match session {
        1 => Load::Offline,
        _ => Load::Ready(0),
    };
    assert!(!all(&routes, one_away).contains(&1));
    let rest = |session| match session {
        0 => Load::Full,
        _ => Load::Offline,
    };
    assert_eq!(all(&routes, rest), [0; 6], "who is connected comes first");
    let mut everyone = all(&routes, |_| Load::Offline);
    everyone.sort_unstable();
    assert_eq!(everyone, [0, 0, 1, 1, 2, 2], "all are away: each in turn");
}

#[test]
fn the_least_backlog_gets_it_and_equals_share() {
    let routes = group(Strategy::LeastBacklog, 0..3);
    let load = |session| match session {
        0 => Load::Ready(5),
        1 => Load::Ready(2),
        _ => Load::Full,
    };
    assert_eq!(all(&routes, load), [1; 6]);
    let mut equal = all(&routes, |_| Load::Ready(1));
    equal.sort_unstable();
    assert_eq!(equal, [0, 0, 1, 1, 2, 2]);
}

#[test]
fn sticky_groups_move_only_what_a_member_had_when_it_goes() {
    for strategy in [Strategy::StickyPublisher, Strategy::StickyTopic] {
        let mut routes = group(strategy, 0..8);
        let of = |routes: &Routes, number: u32| {
            let (publisher, topic) = match strategy {
                Strategy::StickyPublisher => (format!("p{number}"), "a/b".to_owned()),
                _ => ("p".to_owned(), format!("a/{number}")),
            };
            pick(routes, (&publisher, &topic), |_| Load::Ready(0))
        };
        let before: Vec<_> = (0..400).map(|number| of(&routes, number)).collect();
        let again: Vec<_> = (0..400).map(|number| of(&routes, number)).collect();
        assert_eq!(before, again);
        for session in 0..8 {
            let share = before.iter().filter(|it| **it == session).count();
            assert!((20..90).contains(&share), "{session} has {share} of 400");
        }
        routes.remove(3);
        for (number, before) in (0..400).zip(before) {
            let after = of(&routes, number);
            assert!(after != 3 && (before == 3 || before == after), "{number}");
        }
    }
}

#[test]
fn groups_have_their_own_strategies_also_those_that_are_there() {
    let mut routes = group(Strategy::RoundRobin, 0..3);
    let shares = Shares {
        named: [("g".to_owned(), Strategy::StickyTopic)].into(),
        ..Shares::default()
    };
    routes.set_shares(shares);
    let first = pick(&routes, ("p", "a/b"), |_| Load::Ready(0));
    assert_eq!(all(&routes, |_| Load::Ready(0)), [first; 6]);
}

#[test]
fn a_group_that_is_gone_picks_nobody_even_if_another_has_its_place() {
    let mut routes = group(Strategy::RoundRobin, 0..1);
    let targets = routes.targets("a/b");
    routes.remove(0);
    let message = Message {
        publisher: "p",
        topic: "a/b",
    };
    let old = targets.groups()[0];
    assert_eq!(routes.pick(old, &message, |_| Load::Ready(0)), None);
    routes.subscribe(0, "$share/other/a/#", &qos(1)).unwrap();
    assert_eq!(routes.pick(old, &message, |_| Load::Ready(0)), None);
}
