//! The table against a list of subscriptions that is searched from end to end.

use super::*;
use crate::Class;

mod limits;
mod model;
mod shared;

fn routes() -> Routes {
    Routes::new(Limits::default(), Shares::default())
}

fn qos(qos: u8) -> Options {
    Options {
        qos,
        ..Options::default()
    }
}

/// The sessions that get a topic.
fn sessions(routes: &Routes, topic: &str) -> Vec<SessionId> {
    let targets = routes.targets(topic);
    let mut sessions: Vec<_> = targets.targets().iter().map(|it| it.session).collect();
    sessions.sort_unstable();
    sessions
}

#[test]
fn overlapping_filters_of_a_session_are_one_target() {
    let mut routes = routes();
    for (filter, qos, id, since) in [
        ("a/#", 0, Some(7), [5, 50]),
        ("a/+", 2, None, [9, 20]),
        ("a/b", 1, Some(3), [7, 30]),
    ] {
        let options = Options {
            qos,
            id,
            since,
            ..Options::default()
        };
        assert_eq!(routes.subscribe(1, filter, &options), Ok(Change::New));
    }
    let targets = routes.targets("a/b");
    let [target] = targets.targets() else {
        panic!("{targets:?}")
    };
    let class = targets.class(target, false).unwrap();
    assert_eq!((class.qos, class.ids.as_slice()), (2, [3, 7].as_slice()));
    assert_eq!(target.since, [5, 20], "the earliest, per lane");
    let other = routes.targets("a/b/c");
    let class = other.class(&other.targets()[0], true).unwrap();
    assert_eq!((class.qos, class.ids.as_slice()), (0, [7].as_slice()));
}

#[test]
fn what_a_session_publishes_itself_goes_by_its_filters_that_are_not_no_local() {
    let mut routes = routes();
    let own = Options {
        no_local: true,
        ..qos(2)
    };
    routes.subscribe(1, "a/#", &own).unwrap();
    let targets = routes.targets("a/b");
    let target = &targets.targets()[0];
    assert_eq!(targets.class(target, true), None);
    assert_eq!(targets.class(target, false).map(|class| class.qos), Some(2));
    routes.subscribe(1, "a/b", &qos(1)).unwrap();
    let targets = routes.targets("a/b");
    let target = &targets.targets()[0];
    assert_eq!(targets.class(target, true).map(|class| class.qos), Some(1));
    assert_eq!(targets.class(target, false).map(|class| class.qos), Some(2));
}

#[test]
fn replacing_says_what_was_there_and_keeps_since() {
    let mut routes = routes();
    let first = Options {
        since: [1, 2],
        id: Some(9),
        ..qos(0)
    };
    routes.subscribe(4, "a", &first).unwrap();
    let second = Options {
        since: [8, 8],
        retain_as_published: true,
        ..qos(1)
    };
    let change = routes.subscribe(4, "a", &second);
    assert_eq!(change, Ok(Change::Replaced(first)));
    let now = routes.get(4, "a").unwrap();
    assert_eq!(
        now,
        Options {
            since: [1, 2],
            ..second
        }
    );
    let list: Vec<_> = routes.subscriptions(4).collect();
    let want = Subscription {
        filter: "a",
        options: now,
    };
    assert_eq!(list, [want]);
    assert_eq!(routes.get(3, "a"), None);
    assert_eq!(routes.get(4, "b"), None);
}

#[test]
fn targets_stand_in_their_classes() {
    let mut routes = routes();
    for session in 0..100 {
        routes
            .subscribe(session, "a", &qos((session % 3) as u8))
            .unwrap();
    }
    let targets = routes.targets("a");
    let mut seen = 0;
    for (class, of_class) in targets.by_class() {
        for target in of_class {
            assert_eq!(u32::from(class.qos), target.session % 3);
            assert_eq!(targets.class(target, false), Some(class));
        }
        seen += of_class.len();
    }
    assert_eq!((seen, targets.by_class().count()), (100, 3));
}

#[test]
fn topics_that_the_same_filters_match_share_one_list() {
    let mut routes = routes();
    for session in 0..10 {
        routes.subscribe(session, "a/#", &qos(0)).unwrap();
    }
    let one = routes.targets("a/1");
    assert!(Arc::ptr_eq(&one, &routes.targets("a/2")));
    assert!(Arc::ptr_eq(&one, &routes.targets("a/1")));
    assert_eq!((routes.status().hits, routes.status().misses), (1, 2));
    // What does not concern the topic changes nothing.
    routes.subscribe(1, "b", &qos(0)).unwrap();
    assert!(Arc::ptr_eq(&one, &routes.targets("a/1")));
    assert_eq!(routes.status().hits, 2);
    routes.subscribe(11, "a/#", &qos(0)).unwrap();
    assert_eq!(routes.targets("a/1").targets().len(), 11);
    routes.subscribe(12, "a/1", &qos(0)).unwrap();
    assert_eq!(routes.targets("a/1").targets().len(), 12);
    assert_eq!(routes.targets("a/2").targets().len(), 11);
}

#[test]
fn a_topic_that_is_written_like_a_shared_filter_finds_nobody() {
    let mut routes = routes();
    routes.subscribe(1, "$share/g/a", &qos(0)).unwrap();
    assert!(routes.targets("$share/g/a").is_empty());
    assert_eq!(routes.targets("a").groups().len(), 1);
}

#[test]
fn system_topics_are_hidden_from_leading_wildcards() {
    let mut routes = routes();
    for (session, filter) in [(1, "#"), (2, "+/x"), (3, "$SYS/#"), (4, "$SYS/x")] {
        routes.subscribe(session, filter, &qos(0)).unwrap();
    }
    assert_eq!(sessions(&routes, "$SYS/x"), [3, 4]);
    assert_eq!(sessions(&routes, "a/x"), [1, 2]);
}
