//! What can be wrong with the files of a node, and that the operator is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use spica_trust::{Credentials, FileError, LoadError, Revoke};

use crate::support::{DAY, World, node, start};

fn refused(world: &World, credentials: &Credentials) -> LoadError {
    credentials.load(world.shared_clock()).unwrap_err()
}

fn two_nodes(world: &World) -> (Credentials, Credentials) {
    let one = world.issue("one", "root/s1", None);
    let other = world.issue("other", "root/s2", None);
    (one, other)
}

#[test]
fn a_key_of_another_node_is_named_with_its_file() {
    let world = World::new();
    let (one, other) = two_nodes(&world);
    let mixed = Credentials {
        key: other.key,
        ..one
    };
    let error = refused(&world, &mixed);
    assert!(matches!(error, LoadError::KeyMismatch { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("other/node.key") && text.contains("one/node.crt"),
        "{text}"
    );
}

#[test]
fn a_certificate_of_another_authority_is_foreign() {
    let (world, elsewhere) = (World::new(), World::new());
    let (ours, theirs) = (
        world.issue("n", "root", None),
        elsewhere.issue("n", "root", None),
    );
    let mixed = Credentials {
        ca: theirs.ca,
        crl: theirs.crl,
        ..ours
    };
    let error = refused(&world, &mixed);
    assert!(matches!(error, LoadError::Foreign { .. }), "{error}");
}

#[test]
fn a_list_of_another_authority_is_no_list() {
    let (world, elsewhere) = (World::new(), World::new());
    let (ours, theirs) = (
        world.issue("n", "root", None),
        elsewhere.issue("n", "root", None),
    );
    let mixed = Credentials {
        crl: theirs.crl,
        ..ours
    };
    let error = refused(&world, &mixed);
    assert!(matches!(error, LoadError::List { .. }), "{error}");
}

#[test]
fn a_list_that_was_altered_is_no_list() {
    let world = World::new();
    let credentials = world.issue("n", "root", None);
    let crl = credentials.crl.clone().unwrap();
    let text = fs::read_to_string(&crl).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The last line of the body ends the signature.
    let at = lines.len() - 2;
    let first = if lines[at].starts_with('A') { "B" } else { "A" };
    lines[at].replace_range(..1, first);
    fs::write(&crl, lines.join("\n")).unwrap();
    let error = refused(&world, &credentials);
    assert!(matches!(error, LoadError::List { .. }), "{error}");
}

#[test]
fn expired_early_and_revoked_certificates_are_told_apart() {
    let world = World::new();
    let credentials = world.issue("n", "root", None);
    world.clock.set_wall(start().saturating_add(731 * DAY));
    let expired = refused(&world, &credentials).to_string();
    assert!(
        expired.contains("expired at 2028-11-21T08:00:00"),
        "{expired}"
    );
    world.clock.set_wall(start().saturating_sub(2 * DAY));
    let early = refused(&world, &credentials).to_string();
    assert!(
        early.contains("only valid from 2026-11-21T08:00:00"),
        "{early}"
    );
    world.clock.set_wall(start());
    let all = Revoke::Node {
        node: node("root", None).node,
        side: None,
    };
    world.authority().revoke(&all, start()).unwrap();
    world.load(&credentials);
    world.distribute(&credentials);
    let revoked = refused(&world, &credentials);
    assert!(matches!(revoked, LoadError::Revoked { .. }), "{revoked}");
}

#[test]
fn an_old_list_still_counts() {
    let world = World::new();
    let credentials = world.issue("n", "root", None);
    // Past the date of the next list; the certificate is newer.
    let later = start().saturating_add(3_700 * DAY);
    let subject = crate::support::subject("root", None);
    world.clock.set_wall(later);
    let old_list = fs::read(credentials.crl.as_ref().unwrap()).unwrap();
    world
        .authority()
        .issue_into(&world.dir.path().join("n"), &subject, 365 * DAY, later)
        .unwrap();
    assert_eq!(
        fs::read(credentials.crl.as_ref().unwrap()).unwrap(),
        old_list
    );
    world.load(&credentials);
}

#[test]
fn a_key_that_everyone_may_read_is_refused() {
    let world = World::new();
    let credentials = world.issue("n", "root", None);
    let mode =
        |mode| fs::set_permissions(&credentials.key, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o604);
    let error = refused(&world, &credentials);
    let exposed = matches!(
        error,
        LoadError::File(FileError::Exposed { mode: 0o604, .. })
    );
    assert!(exposed, "{error}");
    mode(0o640);
    world.load(&credentials);
}

#[test]
fn a_file_that_is_missing_or_something_else_is_named() {
    let world = World::new();
    let whole = world.issue("n", "root", None);
    let files = [
        &whole.ca,
        &whole.certificate,
        &whole.key,
        whole.crl.as_ref().unwrap(),
    ];
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let content = fs::read(file).unwrap();
        let wrong = |make: &dyn Fn(&Path)| {
            make(file);
            let text = refused(&world, &whole).to_string();
            assert!(text.contains(name), "{name}: {text}");
            text
        };
        let gone = wrong(&|file| fs::remove_file(file).unwrap());
        assert!(gone.contains("cannot be read"), "{gone}");
        let other = wrong(&|file| {
            fs::write(file, "no PEM").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        });
        assert!(other.contains("holds no"), "{other}");
        wrong(&|file| fs::write(file, vec![b'x'; (8 << 20) + 1]).unwrap());
        fs::write(file, content).unwrap();
    }
    world.load(&whole);
}

#[test]
fn the_certificate_of_the_authority_names_no_node() {
    let world = World::new();
    let whole = world.issue("n", "root", None);
    let wrong = Credentials {
        certificate: whole.ca.clone(),
        ..whole
    };
    let error = refused(&world, &wrong);
    assert!(matches!(error, LoadError::Identity { .. }), "{error}");
}
