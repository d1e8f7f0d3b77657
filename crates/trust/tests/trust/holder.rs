//! Files that change while a node runs.

use spica_trust::{Credentials, IdentityHolder, LoadError, NODE_LIFE, Reload, Revoke, Side};

use crate::support::{DAY, World, handshake, start, subject};

#[test]
fn a_new_certificate_and_a_new_list_are_taken_up() {
    let world = World::new();
    let credentials = world.issue("n", "root", None);
    let holder = IdentityHolder::open(credentials.clone(), world.shared_clock()).unwrap();
    assert_eq!(holder.reload().unwrap(), Reload::Unchanged);
    let before = holder.current();

    let later = start().saturating_add(100 * DAY);
    let renewed = world
        .authority()
        .issue_into(
            &world.dir.path().join("n"),
            &subject("root", None),
            NODE_LIFE,
            later,
        )
        .unwrap();
    world.clock.set_wall(later);
    assert_eq!(holder.reload().unwrap(), Reload::Changed);
    assert_eq!(holder.reload().unwrap(), Reload::Unchanged);
    let after = holder.current();
    assert_eq!(after.not_after(), renewed.entry.not_after);
    assert!(after.not_after() > before.not_after());

    // The certificate before still counts, until it is revoked and the list arrives.
    assert_eq!(handshake(&before, &after).1, (None, None));
    let old = spica_trust::Authority::list(&world.ca()).unwrap()[0].serial;
    world
        .authority()
        .revoke(&Revoke::Serial(old), later)
        .unwrap();
    world.distribute(&credentials);
    assert_eq!(holder.reload().unwrap(), Reload::Changed);
    assert!(handshake(&before, &holder.current()).1.1.is_some());
}

#[test]
fn files_that_do_not_fit_leave_the_identity_in_force_until_they_do() {
    let world = World::new();
    let credentials = world.issue("n", "root/s1", Some(Side::Primary));
    let holder = IdentityHolder::open(credentials.clone(), world.shared_clock()).unwrap();
    let other = world.issue("other", "root/s1", Some(Side::Primary));
    let swap = |from: &Credentials| {
        std::fs::copy(&from.key, &credentials.key).unwrap();
    };
    let own_key = world.dir.path().join("own.key");
    std::fs::copy(&credentials.key, &own_key).unwrap();
    swap(&other);
    for _ in 0..2 {
        let error = holder.reload().unwrap_err();
        assert!(matches!(error, LoadError::KeyMismatch { .. }), "{error}");
        assert_eq!(holder.current().own().side, Some(Side::Primary));
    }
    std::fs::copy(&other.certificate, &credentials.certificate).unwrap();
    assert_eq!(holder.reload().unwrap(), Reload::Changed);
}
