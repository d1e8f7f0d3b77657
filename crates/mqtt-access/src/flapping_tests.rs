//! Who is banned when, and for how long.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

const RULE: FlapRule = FlapRule {
    connects: 3,
    within: Duration::from_secs(10),
    ban: Duration::from_secs(60),
};

fn rules() -> FlappingRules {
    FlappingRules {
        client: Some(RULE),
        user: Some(RULE),
        source: Some(RULE),
        watched: 100,
        bans: 5,
    }
}

fn who<'a>(client: &'a str, user: &'a str, last: u8) -> Who<'a> {
    Who {
        client,
        user: Some(user),
        serial: None,
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
    }
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn each_of_client_user_and_source_is_watched() {
    let names = ["a", "b", "c", "d"];
    for (what, want) in [(0, "client"), (1, "user"), (2, "source")] {
        let mut flapping = Flapping::new(rules());
        let who_at = |turn: usize| {
            who(
                names[if what == 0 { 0 } else { turn }],
                names[if what == 1 { 0 } else { turn }],
                if what == 2 { 0 } else { turn as u8 },
            )
        };
        for turn in 0..3 {
            assert_eq!(flapping.connected(secs(1), &who_at(turn)), Ok(()));
        }
        let ban = flapping.connected(secs(1), &who_at(3)).unwrap_err();
        assert!(ban.to_string().contains(want), "{ban}");
        assert!(
            ban.to_string()
                .contains("for another 60 s: more than 3 connections in 10 s")
        );
        assert!(flapping.banned(secs(60), &who_at(0)).is_err(), "it lasts");
        assert_eq!(flapping.banned(secs(61), &who_at(0)), Ok(()), "and ends");
        assert_eq!(flapping.connected(secs(61), &who_at(0)), Ok(()));
    }
}

#[test]
fn who_connects_seldom_is_never_banned() {
    let mut flapping = Flapping::new(rules());
    for turn in 0..100 {
        let now = secs(turn * 4);
        assert_eq!(flapping.connected(now, &who("a", "b", 1)), Ok(()), "{turn}");
    }
    assert_eq!(flapping.bans(secs(400)), []);
}

#[test]
fn bans_are_listed_lifted_and_made_by_hand() {
    let mut flapping = Flapping::new(rules());
    let subject = Subject::User("eve".into());
    flapping.ban(secs(0), subject.clone(), secs(100), &"ä".repeat(150));
    let list = flapping.bans(secs(40));
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].left, list[0].automatic), (secs(60), false));
    assert_eq!(list[0].reason.len(), 200);
    assert!(flapping.connected(secs(40), &who("x", "eve", 1)).is_err());
    assert!(flapping.lift(&subject) && !flapping.lift(&subject));
    assert_eq!(flapping.connected(secs(40), &who("x", "eve", 1)), Ok(()));
}

#[test]
fn memory_is_bounded_and_the_ban_that_ends_first_makes_room() {
    let mut flapping = Flapping::new(FlappingRules {
        user: None,
        source: None,
        ..rules()
    });
    for client in 0..10_000 {
        let client = client.to_string();
        assert_eq!(flapping.connected(secs(1), &who(&client, "u", 1)), Ok(()));
        assert!(flapping.watched() <= 100);
    }
    for (number, name) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
        let subject = Subject::Client(name.into());
        flapping.ban(secs(1), subject, secs(100 - number as u64), "by hand");
    }
    let left: Vec<_> = flapping
        .bans(secs(1))
        .into_iter()
        .map(|ban| ban.subject)
        .collect();
    let want = ["f", "d", "c", "b", "a"].map(|name| Subject::Client(name.into()));
    assert_eq!(left, want, "e ended first when f came");
    assert_eq!(flapping.ends.len(), flapping.bans.len());
}
