//! The authority's directory: what it holds, what it refuses, what a crash leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustls_pki_types::ServerName;
use spica_trust::{
    Authority, InitError, IssueError, MAX_ADDRESSES, MAX_LIFE, NODE_LIFE, OpenError, Revoke,
    RevokeError, Side, inspect,
};

use crate::support::{DAY, World, node, start, subject};

#[test]
fn what_is_issued_says_who_it_is_for_and_is_in_the_index() {
    let world = World::new();
    let mut wanted = subject("root/s1", Some(Side::Primary));
    wanted.addresses = ["s1.example.org", "192.0.2.7", "2001:db8::7"]
        .map(|address| ServerName::try_from(address).unwrap())
        .to_vec();
    let out = world.dir.path().join("out");
    let issued = world
        .authority()
        .issue_into(&out, &wanted, NODE_LIFE, start())
        .unwrap();
    assert!(!format!("{issued:?}").contains("PRIVATE"));
    let found = inspect(&out.join("node.crt")).unwrap();
    assert_eq!(found.identity.unwrap(), wanted.identity);
    assert_eq!(
        found.addresses,
        ["s1.example.org", "192.0.2.7", "2001:db8::7"]
    );
    assert_eq!(found.serial, issued.entry.serial.to_string());
    assert_eq!(found.not_after, start().saturating_add(NODE_LIFE));
    assert!(!found.is_authority && found.fingerprint.len() == 95);
    assert_eq!(Authority::list(&world.ca()).unwrap(), [issued.entry]);
    let ca = inspect(&out.join("ca.crt")).unwrap();
    assert!(ca.is_authority && ca.subject == found.issuer);
    let modes = [
        ("node.key", 0o600),
        ("node.crt", 0o644),
        ("ca.crt", 0o644),
        ("ca.crl", 0o644),
    ];
    for (name, mode) in modes {
        let found = fs::metadata(out.join(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    let key = fs::metadata(world.ca().join("ca.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_authority_is_never_replaced_not_even_half_of_one() {
    let world = World::new();
    let before = fs::read(world.ca().join("ca.key")).unwrap();
    let error = Authority::init(&world.ca(), "again", start()).unwrap_err();
    assert!(matches!(error, InitError::Exists(_)), "{error}");
    for name in ["index.json", "ca.crl", "ca.crt"] {
        fs::remove_file(world.ca().join(name)).unwrap();
        assert!(Authority::init(&world.ca(), "again", start()).is_err());
    }
    assert_eq!(fs::read(world.ca().join("ca.key")).unwrap(), before);
    fs::remove_file(world.ca().join("ca.key")).unwrap();
    Authority::init(&world.ca(), "again", start()).unwrap();
}

#[test]
fn names_and_lives_and_addresses_have_limits() {
    let world = World::new();
    for name in ["", "a\nb", &"x".repeat(65)] {
        let dir = world.dir.path().join("other");
        let error = Authority::init(&dir, name, start()).unwrap_err();
        assert!(matches!(error, InitError::Name(_)), "{error}");
    }
    let mut authority = world.authority();
    let mut wanted = subject("root", None);
    let mut life = |life| authority.issue(&wanted, life, start()).map(|_| ());
    assert!(life(MAX_LIFE).is_ok());
    for wrong in [MAX_LIFE + DAY, std::time::Duration::ZERO] {
        assert!(matches!(life(wrong), Err(IssueError::Life { .. })));
    }
    let late = start().saturating_add(7_000 * DAY);
    let error = authority.issue(&wanted, 400 * DAY, late).unwrap_err();
    assert!(matches!(error, IssueError::Outlives { .. }), "{error}");
    let address = ServerName::try_from("192.0.2.1").unwrap();
    wanted.addresses = vec![address; MAX_ADDRESSES];
    assert!(authority.issue(&wanted, DAY, start()).is_ok());
    wanted.addresses.push(wanted.addresses[0].clone());
    let error = authority.issue(&wanted, DAY, start()).unwrap_err();
    assert!(matches!(error, IssueError::Addresses(33)), "{error}");
}

#[test]
fn a_directory_of_another_node_is_not_overwritten() {
    let world = World::new();
    let credentials = world.issue("n", "root/s1", Some(Side::Primary));
    let key = fs::read(&credentials.key).unwrap();
    let dir = world.dir.path().join("n");
    let partner = subject("root/s1", Some(Side::Backup));
    let error = world
        .authority()
        .issue_into(&dir, &partner, NODE_LIFE, start())
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("root/s1 (primary), not of root/s1 (backup)"),
        "{text}"
    );
    assert_eq!(fs::read(&credentials.key).unwrap(), key);
    assert_eq!(
        Authority::list(&world.ca()).unwrap().len(),
        1,
        "nothing was issued"
    );
}

#[test]
fn a_node_is_revoked_by_its_name_one_side_or_both() {
    let world = World::new();
    let sides = [Some(Side::Primary), Some(Side::Backup), None];
    for side in sides {
        world
            .authority()
            .issue(&subject("root/s1", side), DAY, start())
            .unwrap();
    }
    world
        .authority()
        .issue(&subject("root/s10", None), DAY, start())
        .unwrap();
    let revoke = |side| {
        let node = node("root/s1", None).node;
        let revoked = world
            .authority()
            .revoke(&Revoke::Node { node, side }, start());
        revoked.map(|entries| entries.len())
    };
    assert_eq!(revoke(Some(Side::Backup)).unwrap(), 1);
    let error = revoke(Some(Side::Backup)).unwrap_err();
    assert!(matches!(error, RevokeError::Nothing(_)), "{error}");
    assert_eq!(revoke(None).unwrap(), 2);
    let left: Vec<_> = Authority::list(&world.ca())
        .unwrap()
        .into_iter()
        .filter(|entry| entry.status(start()) == "valid")
        .map(|entry| entry.node.to_string())
        .collect();
    assert_eq!(left, ["root/s10"]);
}

#[test]
fn a_serial_number_that_was_never_issued_cannot_be_revoked() {
    let (world, other) = (World::new(), World::new());
    let foreign = other
        .authority()
        .issue(&subject("root", None), DAY, start())
        .unwrap();
    let which = Revoke::Serial(foreign.entry.serial);
    let error = world.authority().revoke(&which, start()).unwrap_err();
    assert!(matches!(error, RevokeError::Unknown(_)), "{error}");
    let mut authority = other.authority();
    assert_eq!(authority.revoke(&which, start()).unwrap().len(), 1);
    assert_eq!(
        authority.revoke(&which, start()).unwrap(),
        [],
        "it was revoked before"
    );
}

/// A crash between the index and the list: the list is older than the index says. The next command
/// must sign it again, or the revocation would be recorded and never take effect.
#[test]
fn a_revocation_that_was_cut_short_is_completed() {
    let world = World::new();
    let credentials = world.issue("n", "root", None);
    let old_list = fs::read(world.ca().join("ca.crl")).unwrap();
    let which = Revoke::Serial(Authority::list(&world.ca()).unwrap()[0].serial);
    world.authority().revoke(&which, start()).unwrap();
    let list = world.ca().join("ca.crl");
    for left in [Some(old_list), None] {
        match left {
            Some(old) => fs::write(&list, old).unwrap(),
            None => fs::remove_file(&list).unwrap(),
        }
        drop(world.authority());
        world.distribute(&credentials);
        assert!(credentials.load(world.shared_clock()).is_err());
    }
}

#[test]
fn one_process_at_a_time_works_on_an_authority() {
    let world = World::new();
    let held = world.authority();
    let error = Authority::open(&world.ca(), start()).unwrap_err();
    assert!(matches!(error, OpenError::Busy(_)), "{error}");
    drop(held);
    world.authority();
}

#[test]
fn an_authority_whose_files_do_not_fit_is_not_used() {
    let (world, other) = (World::new(), World::new());
    let error = Authority::open(world.dir.path(), start()).unwrap_err();
    assert!(error.to_string().contains("spica ca init"), "{error}");
    fs::copy(other.ca().join("ca.key"), world.ca().join("ca.key")).unwrap();
    let error = Authority::open(&world.ca(), start()).unwrap_err();
    assert!(matches!(error, OpenError::Key { .. }), "{error}");
    let key = other.ca().join("ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Authority::open(&other.ca(), start()).unwrap_err();
    assert!(
        error.to_string().contains("everyone on this machine"),
        "{error}"
    );
    for text in ["{", r#"{"version":2,"crl_number":1,"issued":[]}"#] {
        fs::write(other.ca().join("index.json"), text).unwrap();
        let error = Authority::open(&other.ca(), start()).unwrap_err();
        assert!(matches!(error, OpenError::Content { .. }), "{error}");
    }
}
