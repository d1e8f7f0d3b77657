//! Whose limit is reached when.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

const fn per_second(amount: u64) -> Option<Rate> {
    Some(Rate {
        amount,
        per: Duration::from_secs(1),
        burst: amount,
    })
}

fn who<'a>(client: &'a str, user: &'a str, last: u8) -> Who<'a> {
    Who {
        client,
        user: Some(user),
        serial: None,
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
    }
}

#[test]
fn without_rules_nothing_is_counted_or_kept() {
    let mut quotas = Quotas::new(QuotaRules::default());
    let meters = quotas.open(Duration::ZERO, &who("c", "u", 1)).unwrap();
    assert_eq!(meters.spend(Duration::ZERO, u64::MAX, u64::MAX), Ok(()));
    assert!(quotas.is_empty());
}

#[test]
fn connections_are_counted_per_user_and_source_and_given_back() {
    let rules = QuotaRules {
        user: ScopeRules {
            connections: Some(2),
            ..ScopeRules::default()
        },
        source: ScopeRules {
            connections: Some(3),
            ..ScopeRules::default()
        },
        ..QuotaRules::default()
    };
    let mut quotas = Quotas::new(rules);
    let mut open = |client, user, last| quotas.open(Duration::ZERO, &who(client, user, last));
    let first = open("1", "anna", 1).unwrap();
    let _second = open("2", "anna", 1).unwrap();
    let refused = open("3", "anna", 2).unwrap_err();
    assert_eq!(refused, QuotaRefusal::Connections("user"));
    let _third = open("4", "bob", 1).unwrap();
    let refused = open("5", "carl", 1).unwrap_err();
    assert_eq!(refused, QuotaRefusal::Connections("source"));
    drop(first);
    let _again = open("6", "anna", 1).unwrap();
    assert!(open("7", "anna", 1).is_err());
}

#[test]
fn who_connects_too_often_waits_and_a_refusal_costs_nobody() {
    let rules = QuotaRules {
        client: ScopeRules {
            connects: per_second(2),
            ..ScopeRules::default()
        },
        source: ScopeRules {
            connects: per_second(3),
            ..ScopeRules::default()
        },
        ..QuotaRules::default()
    };
    let mut quotas = Quotas::new(rules);
    let now = Duration::from_secs(5);
    for _ in 0..2 {
        let _ = quotas.open(now, &who("c", "u", 1)).unwrap();
    }
    for _ in 0..10 {
        let refused = quotas.open(now, &who("c", "u", 1)).unwrap_err();
        let want = QuotaRefusal::Connects("client", Wait(Duration::from_millis(500)));
        assert_eq!(refused, want);
    }
    let _ = quotas.open(now, &who("d", "u", 1)).unwrap();
    let refused = quotas.open(now, &who("e", "u", 1)).unwrap_err();
    assert!(matches!(refused, QuotaRefusal::Connects("source", _)));
    let later = now + Duration::from_millis(500);
    assert!(quotas.open(later, &who("c", "u", 1)).is_ok());
}

#[test]
fn what_is_read_is_counted_on_all_and_the_longest_wait_counts() {
    let rules = QuotaRules {
        client: ScopeRules {
            messages: per_second(100),
            ..ScopeRules::default()
        },
        user: ScopeRules {
            bytes: per_second(1_000),
            ..ScopeRules::default()
        },
        ..QuotaRules::default()
    };
    let mut quotas = Quotas::new(rules);
    let now = Duration::from_secs(1);
    let one = quotas.open(now, &who("1", "u", 1)).unwrap();
    let two = quotas.open(now, &who("2", "u", 1)).unwrap();
    assert_eq!(one.spend(now, 50, 400), Ok(()));
    assert_eq!(two.spend(now, 50, 400), Ok(()), "a meter for each client");
    let (scope, Wait(wait)) = two.spend(now, 10, 1_200).unwrap_err();
    assert_eq!((scope, wait.as_millis()), ("user", 1_001));
    let (scope, _) = one.spend(now, 500, 0).unwrap_err();
    assert_eq!(scope, "client");
    // Who is behind does not get new allowances by connecting again.
    drop(one);
    let refused = quotas.open(now, &who("1", "other", 9)).unwrap_err();
    assert!(matches!(refused, QuotaRefusal::Spent("client", _)));
    let later = now + Duration::from_secs(60);
    assert!(quotas.open(later, &who("1", "u", 1)).is_ok());
}

#[test]
fn accounts_are_bounded_and_those_in_use_stay() {
    let rules = QuotaRules {
        client: ScopeRules {
            connects: per_second(1),
            ..ScopeRules::default()
        },
        remembered: 100,
        ..QuotaRules::default()
    };
    let mut quotas = Quotas::new(rules);
    let now = Duration::from_secs(1);
    let held = quotas.open(now, &who("held", "u", 1)).unwrap();
    for client in 0..10_000 {
        let client = client.to_string();
        drop(quotas.open(now, &who(&client, "u", 1)).unwrap());
        assert!(quotas.len() <= 100, "{}", quotas.len());
    }
    let refused = quotas.open(now, &who("held", "u", 1)).unwrap_err();
    assert!(matches!(refused, QuotaRefusal::Connects("client", _)));
    let open: Vec<_> = (0..500)
        .map(|client| quotas.open(now, &who(&format!("open{client}"), "u", 1)))
        .collect();
    assert!(
        open.iter().all(Result::is_ok),
        "the open ones are not limited here"
    );
    assert!(quotas.len() <= 1_200, "{}", quotas.len());
    drop(held);
}
