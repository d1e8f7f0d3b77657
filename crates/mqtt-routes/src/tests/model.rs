//! Any sequence of changes, compared with a plain list after each.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Subscribe(SessionId, &'static str, Options),
    Unsubscribe(SessionId, &'static str),
    Remove(SessionId),
}

const FILTERS: [&str; 12] = [
    "a",
    "a/b",
    "a/#",
    "+",
    "+/b",
    "#",
    "a/+",
    "$s/#",
    "$share/g/a/#",
    "$share/h/a/#",
    "$share/g/a",
    "b/+/#",
];
const TOPICS: [&str; 7] = ["a", "a/b", "b", "b/b", "a/b/c", "$s/b", "b/x/y"];

fn filter() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&FILTERS[..])
}

fn options() -> impl Strategy<Value = Options> {
    let flags = (0_u8..3, any::<bool>(), any::<bool>());
    (flags, prop::option::of(1_u32..4), [0_u64..9, 0..9]).prop_map(|(flags, id, since)| {
        let (qos, no_local, retain_as_published) = flags;
        Options {
            qos,
            no_local,
            retain_as_published,
            id,
            since,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u32..6, filter(), options()).prop_map(|(session, filter, options)| {
            let no_local = options.no_local && !filter.starts_with("$share");
            Step::Subscribe(session, filter, Options { no_local, ..options })
        }),
        3 => (0_u32..6, filter()).prop_map(|(session, filter)| Step::Unsubscribe(session, filter)),
        1 => (0_u32..6).prop_map(Step::Remove),
    ]
}

type Model = BTreeMap<(SessionId, &'static str), Options>;

/// Changes both the same way, and compares what they say of it.
fn apply(step: &Step, routes: &mut Routes, model: &mut Model) {
    match step {
        Step::Subscribe(session, filter, options) => {
            let known = model.get(&(*session, *filter)).copied();
            let want = known.map_or(Change::New, Change::Replaced);
            assert_eq!(routes.subscribe(*session, filter, options), Ok(want));
            let since = known.map_or(options.since, |known| known.since);
            model.insert((*session, filter), Options { since, ..*options });
        }
        Step::Unsubscribe(session, filter) => {
            let was_there = model.remove(&(*session, *filter)).is_some();
            assert_eq!(routes.unsubscribe(*session, filter), was_there);
        }
        Step::Remove(session) => {
            let before = model.len();
            model.retain(|(other, _), _| other != session);
            assert_eq!(routes.remove(*session), before - model.len());
        }
    }
}

/// What a session gets of a topic, without its own if `is_own`.
fn expected(model: &Model, topic: &str, session: SessionId, is_own: bool) -> Option<Class> {
    let matching = model.iter().filter(|((other, filter), options)| {
        *other == session && spica_matcher::matches(filter, topic) && !(is_own && options.no_local)
    });
    let all: Vec<&Options> = matching.map(|(_, options)| options).collect();
    let mut ids: Vec<u32> = all.iter().filter_map(|options| options.id).collect();
    ids.sort_unstable();
    ids.dedup();
    Some(Class {
        qos: all.iter().map(|options| options.qos).max()?,
        retain_as_published: all.iter().any(|options| options.retain_as_published),
        ids: ids.into(),
    })
}

fn compare(routes: &Routes, model: &Model, topic: &str) {
    let targets = routes.targets(topic);
    let mut seen = 0;
    for target in targets.targets() {
        let session = target.session;
        for is_own in [false, true] {
            let want = expected(model, topic, session, is_own);
            let got = targets.class(target, is_own).cloned();
            assert_eq!(got, want, "{topic}, session {session}, own {is_own}");
        }
        seen += 1;
    }
    for session in 0..8 {
        let by_hand = targets.targets().iter().find(|it| it.session == session);
        assert_eq!(targets.find(session), by_hand, "{topic}, session {session}");
    }
    let want = (0..6).filter(|session| expected(model, topic, *session, false).is_some());
    assert_eq!(seen, want.count(), "{topic}");
    let by_class: usize = targets.by_class().map(|(_, targets)| targets.len()).sum();
    assert_eq!(by_class, seen);
    let mut groups: Vec<&str> = model
        .keys()
        .map(|(_, filter)| *filter)
        .filter(|filter| filter.starts_with("$share"))
        .filter(|filter| spica_matcher::matches(share::inner(filter), topic))
        .collect();
    groups.sort_unstable();
    groups.dedup();
    assert_eq!(targets.groups().len(), groups.len(), "{topic}");
    for group in targets.groups() {
        let message = Message {
            publisher: "p",
            topic,
        };
        let picked = routes.pick(*group, &message, |_| Load::Ready(0)).unwrap();
        let is_member = |filter: &&str| model.contains_key(&(picked.session, *filter));
        assert!(groups.iter().any(is_member), "{topic}: {picked:?}");
    }
}

proptest! {
    #[test]
    fn targets_are_those_of_a_list_that_is_searched(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut routes = routes();
        let mut model = Model::new();
        for step in &steps {
            apply(step, &mut routes, &mut model);
            for topic in TOPICS {
                compare(&routes, &model, topic);
            }
            prop_assert_eq!(routes.status().subscriptions, model.len());
        }
        for session in 0..6 {
            let mut list: Vec<_> = routes
                .subscriptions(session)
                .map(|it| (it.filter.to_owned(), it.options))
                .collect();
            list.sort_by(|one, other| one.0.cmp(&other.0));
            let want: Vec<_> = model
                .iter()
                .filter(|((other, _), _)| *other == session)
                .map(|((_, filter), options)| ((*filter).to_owned(), *options))
                .collect();
            let mut sorted = want;
            sorted.sort_by(|one, other| one.0.cmp(&other.0));
            prop_assert_eq!(list, sorted);
            routes.remove(session);
        }
        let status = routes.status();
        prop_assert_eq!((status.subscriptions, status.filters, status.width), (0, 0, 1));
    }
}
