//! What is refused, and that nothing has changed then.

use spica_matcher::FilterError;

use super::*;

#[test]
fn what_is_no_filter_is_refused() {
    let mut routes = routes();
    for (filter, want) in [
        ("", RouteError::Filter(FilterError::Empty)),
        ("a/#/b", RouteError::Filter(FilterError::Misplaced)),
        ("$share", RouteError::Share),
        ("$share/g", RouteError::Share),
        ("$share/g/", RouteError::Share),
        ("$share//a", RouteError::Share),
        ("$share/+/a", RouteError::Share),
        ("$share/g#/a", RouteError::Share),
        ("$share/g/a#", RouteError::Filter(FilterError::Misplaced)),
    ] {
        assert_eq!(routes.subscribe(0, filter, &qos(0)), Err(want), "{filter}");
        assert!(want.is_filter());
    }
    let no_local = Options {
        no_local: true,
        ..qos(0)
    };
    let refused = routes.subscribe(0, "$share/g/a", &no_local);
    assert_eq!(refused, Err(RouteError::NoLocalShared));
    assert_eq!(routes.status().filters, 0);
}

#[test]
fn each_limit_holds_at_its_number() {
    let limits = Limits {
        subscriptions: 5,
        session_subscriptions: 3,
        filter_bytes: 40,
        filter_levels: 8,
        members: 2,
        ..Limits::default()
    };
    let mut routes = Routes::new(limits, Shares::default());
    let mut subscribe =
        |session, filter: &str| routes.subscribe(session, filter, &qos(0)).map(|_| ());
    assert_eq!(subscribe(0, &"a".repeat(41)), Err(RouteError::Bytes(40)));
    assert_eq!(
        subscribe(0, "a/a/a/a/a/a/a/a/a"),
        Err(RouteError::Levels(8))
    );
    assert_eq!(subscribe(0, "$share/g/a/a/a/a/a/a/a/a"), Ok(()));
    assert_eq!(subscribe(0, &"a".repeat(40)), Ok(()));
    assert_eq!(subscribe(0, "b"), Ok(()));
    assert_eq!(subscribe(0, "c"), Err(RouteError::SessionFull(3)));
    assert_eq!(subscribe(0, "b"), Ok(()), "it is replaced");
    assert_eq!(subscribe(1, "$share/g/a/a/a/a/a/a/a/a"), Ok(()));
    let refused = subscribe(2, "$share/g/a/a/a/a/a/a/a/a");
    assert_eq!(refused, Err(RouteError::Members(2)));
    assert_eq!(subscribe(2, "b"), Ok(()));
    assert_eq!(subscribe(3, "b"), Err(RouteError::Full(5)));
    assert_eq!(routes.remove(0), 3);
    assert_eq!(routes.subscribe(3, "b", &qos(0)), Ok(Change::New));
}

#[test]
fn a_wildcard_bomb_costs_its_session_and_nobody_else() {
    let limits = Limits {
        width: 100,
        session_width: 20,
        ..Limits::default()
    };
    let mut routes = Routes::new(limits, Shares::default());
    let bomb = |session: u32, mask: u32| {
        let level = |at: u32| if (mask >> at) & 1 == 1 { "+" } else { "a" };
        let levels: Vec<_> = (0..8).map(level).collect();
        format!("{session}/{}", levels.join("/"))
    };
    let mut refused = 0;
    for mask in 1..256 {
        match routes.subscribe(7, &bomb(7, mask), &qos(0)) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, RouteError::SessionWidth);
                refused += 1;
            }
        }
    }
    assert!(refused > 200 && routes.status().width <= 21, "{refused}");
    // What has a shape that is there, or none, is as welcome as before.
    assert_eq!(routes.subscribe(7, "a/b/c", &qos(0)), Ok(Change::New));
    for session in 8..20 {
        let filter = format!("other/{session}/+");
        assert_eq!(routes.subscribe(session, &filter, &qos(0)), Ok(Change::New));
    }
    // Many sessions together come to the limit of all.
    let mut of_all = 0;
    for session in 100..120 {
        for mask in 1..256_u32 {
            let mask = mask.wrapping_mul(session) % 256;
            let made = routes.subscribe(session, &bomb(session, mask), &qos(0));
            of_all += u32::from(made == Err(RouteError::Width));
        }
    }
    assert!(of_all > 0 && routes.status().width <= 100);
    for session in 0..200 {
        routes.remove(session);
    }
    assert_eq!(routes.status().width, 1);
    let width = routes.table.session(7).1;
    assert_eq!(width, 0, "what a session had is given back");
}

#[test]
fn a_hundred_thousand_subscribers_of_one_filter_come_and_go_alike() {
    let mut routes = routes();
    let many = 100_000;
    for session in 0..many {
        routes.subscribe(session, "a/#", &qos(1)).unwrap();
    }
    assert_eq!(routes.targets("a/b").targets().len(), 100_000);
    // Were each looked for among all, this would take minutes.
    for session in (0..many).step_by(2) {
        assert!(routes.unsubscribe(session, "a/#"));
    }
    let left = routes.targets("a/b");
    assert!(left.targets().iter().all(|it| it.session % 2 == 1));
    assert_eq!(left.targets().len(), 50_000);
}

#[test]
fn the_cache_is_bounded_by_its_bytes() {
    let limits = Limits {
        cache_bytes: 64 << 10,
        ..Limits::default()
    };
    let mut routes = Routes::new(limits, Shares::default());
    routes.subscribe(0, "#", &qos(0)).unwrap();
    for topic in 0..10_000 {
        assert!(!routes.targets(&format!("some/topic/{topic}")).is_empty());
        let most = (64 << 10) / 80 + 16;
        assert!(routes.status().topics <= most, "{:?}", routes.status());
    }
    assert!(routes.status().topics > 100);
}
