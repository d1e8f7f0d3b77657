//! Tests of the decision as a whole.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use spica_clock::{Clock, SystemClock};

use crate::{Admission, BanError, BanRule, Limits, Offence, Rate, Refusal, Slot};

const PLENTY: Rate = Rate {
    per_second: 1_000_000,
    burst: 1_000_000,
};

/// Limits that only bind where a test sets them.
fn wide() -> Limits {
    Limits {
        accepts: PLENTY,
        accepts_per_source: PLENTY,
        ban: BanRule {
            offences: 3,
            within: Duration::from_secs(60),
            lasts: Duration::from_secs(600),
        },
        ..Limits::default()
    }
}

fn now() -> Instant {
    SystemClock.monotonic()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_cap_in_all_refuses_the_next_and_a_release_admits_it() {
    let limits = Limits {
        connections: 2,
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    let first = admission.admit(now, ip("192.0.2.1")).unwrap();
    let _second = admission.admit(now, ip("192.0.2.2")).unwrap();
    assert_eq!(admission.admit(now, ip("192.0.2.3")), Err(Refusal::Full));
    assert_eq!(admission.admit_balancer(now), Err(Refusal::Full));
    admission.release(now, first);
    assert!(admission.admit(now, ip("192.0.2.3")).is_ok());
    let status = admission.status();
    assert_eq!((status.open, status.admitted), (2, 3));
    assert_eq!(status.refused_for(Refusal::Full), 2);
}

#[test]
fn the_cap_of_a_source_counts_a_slash_64_as_one_and_leaves_others_alone() {
    let limits = Limits {
        connections_per_source: 2,
        trusted: vec!["198.51.100.0/24".parse().unwrap()],
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    let _held: Vec<Slot> = ["2001:db8::1", "2001:db8::2"]
        .map(|text| admission.admit(now, ip(text)).unwrap())
        .into();
    let refused = admission.admit(now, ip("2001:db8::ffff:0:0:3"));
    assert_eq!(refused, Err(Refusal::SourceFull));
    assert!(admission.admit(now, ip("2001:db8:0:1::1")).is_ok());
    for _ in 0..3 {
        assert!(admission.admit(now, ip("::ffff:198.51.100.7")).is_ok());
    }
}

#[test]
fn a_storm_from_one_source_takes_no_token_from_others() {
    let limits = Limits {
        accepts: Rate {
            per_second: 100,
            burst: 10,
        },
        accepts_per_source: Rate {
            per_second: 1,
            burst: 4,
        },
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    let storm: Vec<_> = (0..1_000)
        .map(|_| admission.admit(now, ip("192.0.2.1")))
        .collect();
    assert_eq!(storm.iter().filter(|slot| slot.is_ok()).count(), 4);
    assert_eq!(admission.status().refused_for(Refusal::SourceRate), 996);
    for host in 1..=6 {
        let honest = Ipv4Addr::new(198, 51, 100, host).into();
        assert!(admission.admit(now, honest).is_ok(), "{honest}");
    }
    let late = admission.admit(now, ip("198.51.100.7"));
    assert_eq!(late, Err(Refusal::Rate));
    let soon = now + Duration::from_millis(10);
    assert!(admission.admit(soon, ip("198.51.100.7")).is_ok());
}

#[test]
fn offences_within_the_window_ban_for_the_time_and_no_longer() {
    let (mut admission, now) = (Admission::new(wide()), now());
    let at = |secs| now + Duration::from_secs(secs);
    let bad = ip("192.0.2.1");
    assert!(!admission.offence(at(0), bad, Offence::BadFrames));
    assert!(!admission.offence(at(1), bad, Offence::BadFrames));
    assert!(
        !admission.offence(at(62), bad, Offence::Probe),
        "window over"
    );
    assert!(!admission.offence(at(63), bad, Offence::Probe));
    assert!(admission.offence(at(64), bad, Offence::UnknownSerial));
    assert_eq!(admission.admit(at(65), bad), Err(Refusal::Banned));
    let bans = admission.bans(at(65));
    assert_eq!(bans[0].source, "192.0.2.1/32".parse().unwrap());
    assert_eq!(bans[0].reason, "3 offences, the last: unknown_serial");
    assert_eq!(bans[0].left, Duration::from_secs(599));
    assert!(bans[0].automatic);
    assert!(admission.admit(at(664), bad).is_ok());
    assert!(admission.bans(at(664)).is_empty());
    assert_eq!(admission.status().offences_of(Offence::BadFrames), 2);
}

#[test]
fn an_address_shared_by_many_good_devices_is_not_banned() {
    let (mut admission, now) = (Admission::new(wide()), now());
    let shared = ip("192.0.2.1");
    for _ in 0..50 {
        admission.good(now, shared);
        assert!(!admission.offence(now, shared, Offence::HandshakeTimeout));
    }
    assert!(admission.offence(now, shared, Offence::HandshakeTimeout));
}

#[test]
fn trusted_sources_are_banned_by_hand_only() {
    let limits = Limits {
        trusted: vec!["192.0.2.0/24".parse().unwrap()],
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    for _ in 0..10 {
        assert!(!admission.offence(now, ip("192.0.2.1"), Offence::Probe));
    }
    assert!(admission.admit(now, ip("192.0.2.1")).is_ok());
    let net = "192.0.2.1/30".parse().unwrap();
    let hour = Duration::from_secs(3_600);
    admission.ban(now, net, hour, "maintenance").unwrap();
    assert_eq!(admission.admit(now, ip("192.0.2.3")), Err(Refusal::Banned));
    assert!(admission.admit(now, ip("192.0.2.4")).is_ok());
    assert!(admission.unban(net));
    assert!(!admission.unban(net));
    assert!(admission.admit(now, ip("192.0.2.3")).is_ok());
}

#[test]
fn every_ban_ends() {
    let (mut admission, now) = (Admission::new(wide()), now());
    let net = "2001:db8::/32".parse().unwrap();
    for lasts in [Duration::ZERO, Duration::from_secs(367 * 86_400)] {
        let refused = admission.ban(now, net, lasts, "x");
        assert_eq!(refused, Err(BanError::Duration));
    }
    let second = Duration::from_secs(1);
    let refused = admission.ban(now, net, second, "x".repeat(201));
    assert_eq!(refused, Err(BanError::Reason));
    admission.ban(now, net, second * 90, "long").unwrap();
    admission
        .ban(now, net, second, "short replaces long")
        .unwrap();
    let inside = ip("2001:db8:9::1");
    assert_eq!(admission.admit(now, inside), Err(Refusal::Banned));
    assert!(admission.admit(now + second, inside).is_ok());
}

#[test]
fn a_full_table_of_bans_lets_automatic_ones_give_way() {
    let limits = Limits {
        bans: 2,
        ban: BanRule {
            offences: 1,
            ..wide().ban
        },
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    let hour = Duration::from_secs(3_600);
    assert!(admission.offence(now, ip("192.0.2.1"), Offence::Probe));
    let later = now + Duration::from_secs(1);
    assert!(admission.offence(later, ip("192.0.2.2"), Offence::Probe));
    let by_hand = |admission: &mut Admission, net: &str| {
        admission.ban(later, net.parse().unwrap(), hour, "by hand")
    };
    by_hand(&mut admission, "203.0.113.1/32").unwrap();
    assert!(admission.admit(later, ip("192.0.2.1")).is_ok());
    by_hand(&mut admission, "203.0.113.2/32").unwrap();
    let third = by_hand(&mut admission, "203.0.113.3/32");
    assert_eq!(third, Err(BanError::Full(2)));
    assert!(!admission.offence(later, ip("192.0.2.3"), Offence::Probe));
    let status = admission.status();
    assert_eq!((status.bans, status.banned, status.bans_evicted), (2, 2, 3));
}

#[test]
fn a_balancers_client_is_checked_when_it_is_named() {
    let limits = Limits {
        connections_per_source: 1,
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    let mut open = Vec::new();
    for host in 1..=3 {
        let slot = admission.admit_balancer(now).unwrap();
        let client = Ipv4Addr::new(192, 0, 2, host).into();
        open.push(admission.name(now, slot, client).unwrap());
    }
    let slot = admission.admit_balancer(now).unwrap();
    assert_eq!(admission.status().open, 4);
    let refused = admission.name(now, slot, ip("192.0.2.1"));
    assert_eq!(refused, Err(Refusal::SourceFull));
    assert_eq!(admission.status().open, 3);
    for slot in open {
        admission.release(now, slot);
    }
    assert_eq!(admission.status().open, 0);
}

#[test]
fn the_source_not_heard_of_for_longest_is_forgotten_first() {
    let limits = Limits {
        sources: 2,
        ..wide()
    };
    let (mut admission, now) = (Admission::new(limits), now());
    let at = |secs| now + Duration::from_secs(secs);
    let held = admission.admit(at(0), ip("192.0.2.1")).unwrap();
    for (secs, text) in [(1, "192.0.2.2"), (2, "192.0.2.3")] {
        assert!(!admission.offence(at(secs), ip(text), Offence::Probe));
    }
    let status = admission.status();
    assert_eq!((status.sources, status.sources_evicted), (2, 1));
    admission.release(at(3), held);
    assert_eq!(admission.status().sources, 2);
    for secs in [4, 5] {
        assert!(!admission.offence(at(secs), ip("192.0.2.2"), Offence::Probe));
    }
    assert!(
        admission.offence(at(6), ip("192.0.2.2"), Offence::Probe),
        "its first offence was forgotten, the later ones were not"
    );
}

proptest! {
    #[test]
    fn the_books_balance(steps in proptest::collection::vec((0u8..6, 0u8..8, 0u64..400), 1..200)) {
        let limits = Limits {
            connections: 6, connections_per_source: 2, sources: 7, bans: 3,
            accepts: Rate { per_second: 10, burst: 8 },
            accepts_per_source: Rate { per_second: 5, burst: 3 },
            ..wide()
        };
        let mut admission = Admission::new(limits);
        let (mut now, mut open) = (now(), Vec::new());
        for (step, host, millis) in steps {
            now += Duration::from_millis(millis);
            let ip = IpAddr::from(Ipv4Addr::new(192, 0, 2, host));
            match step {
                0 | 1 => open.extend(admission.admit(now, ip).ok().map(|slot| (slot, ip))),
                2 => if let Ok(slot) = admission.admit_balancer(now) {
                    open.extend(admission.name(now, slot, ip).ok().map(|slot| (slot, ip)));
                },
                3 => { admission.offence(now, ip, Offence::BadFrames); }
                4 => admission.good(now, ip),
                _ => if !open.is_empty() {
                    let (slot, _) = open.swap_remove(usize::from(host) % open.len());
                    admission.release(now, slot);
                },
            }
            let status = admission.status();
            prop_assert_eq!(status.open, open.len());
            prop_assert!(status.open <= 6 && status.sources <= 7 && status.bans <= 3);
            let of_source = open.iter().filter(|(_, other)| *other == ip).count();
            prop_assert!(of_source <= 2);
        }
        for (slot, _) in open {
            admission.release(now, slot);
        }
        prop_assert_eq!(admission.status().open, 0);
        // However it came to this: in the end every source may connect again.
        now += Duration::from_secs(700);
        prop_assert!(admission.admit(now, Ipv4Addr::new(192, 0, 2, 1).into()).is_ok());
    }
}
