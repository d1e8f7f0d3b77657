//! Who gets through a handshake, and what both ends say when somebody does not.

use std::sync::Arc;

use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, HandshakeKind, RootCertStore,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use spica_trust::{PeerError, Revoke, Side, refusal};

use crate::support::{DAY, Ends, World, handshake, node};

fn alert(error: Option<&Error>) -> AlertDescription {
    match error {
        Some(Error::AlertReceived(alert)) => *alert,
        other => panic!("no alert: {other:?}"),
    }
}

#[test]
fn the_two_nodes_of_a_pair_know_each_other_whoever_dials() {
    let (primary, backup) = World::new().pair();
    for (client, server) in [(&primary, &backup), (&backup, &primary)] {
        let (ends, outcome) = handshake(client, server);
        assert_eq!(outcome, (None, None));
        assert_eq!(client.peer_of(&ends.client).unwrap(), *server.own());
        assert_eq!(server.peer_of(&ends.server).unwrap(), *client.own());
        assert_eq!(client.own().partner().as_ref(), Some(server.own()));
        let version = ends.server.protocol_version();
        assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_3));
    }
}

#[test]
fn no_handshake_is_cut_short_by_an_earlier_one() {
    let (primary, backup) = World::new().pair();
    for _ in 0..2 {
        let (ends, outcome) = handshake(&primary, &backup);
        assert_eq!(outcome, (None, None));
        assert_eq!(ends.client.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[test]
fn nodes_of_another_authority_are_refused_on_both_sides_even_if_its_name_is_the_same() {
    let (ours, _) = World::named("east").pair();
    for name in ["west", "east"] {
        let (theirs, _) = World::named(name).pair();
        // The client judges first.
        let (_, (client, server)) = handshake(&theirs, &ours);
        let client = client.unwrap();
        assert!(refusal(&client).contains("another authority"), "{client}");
        let told = refusal(&server.unwrap());
        assert!(told.contains("trusts another authority"), "{told}");
    }
}

#[test]
fn a_server_that_trusts_more_than_we_do_is_refused_by_us_and_the_other_way_round() {
    let (old, new) = (World::named("old"), World::named("new"));
    let of_old = old.issue("node", "root", None);
    let of_new = new.issue("node", "root/s1", None);
    // This node trusts both, as while one authority takes over from the other.
    for (name, from) in [("ca.crt", &old.ca()), ("ca.crl", &old.ca())] {
        let own = of_new.ca.with_file_name(name);
        let both = [
            std::fs::read(&own).unwrap(),
            std::fs::read(from.join(name)).unwrap(),
        ]
        .concat();
        std::fs::write(own, both).unwrap();
    }
    let (narrow, wide) = (old.load(&of_old), new.load(&of_new));
    let (_, (client, server)) = handshake(&narrow, &wide);
    assert!(refusal(&client.unwrap()).contains("of another authority"));
    assert_eq!(alert(server.as_ref()), AlertDescription::UnknownCA);
    // The client is content; the server refuses, which the client reads afterwards.
    let (_, (client, server)) = handshake(&wide, &narrow);
    assert!(refusal(&server.unwrap()).contains("of another authority"));
    assert_eq!(alert(client.as_ref()), AlertDescription::UnknownCA);
    // Once both trust both, they are content with each other.
    std::fs::copy(&of_new.ca, &of_old.ca).unwrap();
    std::fs::copy(of_new.crl.as_ref().unwrap(), of_old.crl.as_ref().unwrap()).unwrap();
    let (_, outcome) = handshake(&wide, &old.load(&of_old));
    assert_eq!(outcome, (None, None));
}

#[test]
fn a_revoked_node_is_refused_whoever_dials() {
    let world = World::new();
    let good = world.issue("good", "root/s1", Some(Side::Primary));
    let bad = world.issue("bad", "root/s1", Some(Side::Backup));
    // It does not know yet that it was revoked.
    let revoked = world.load(&bad);
    let which = Revoke::Node {
        node: node("root/s1", None).node,
        side: Some(Side::Backup),
    };
    world.authority().revoke(&which, world_start()).unwrap();
    let before = world.load(&good);
    assert_eq!(
        handshake(&revoked, &before).1,
        (None, None),
        "without the new list"
    );
    world.distribute(&good);
    let good = world.load(&good);

    let (_, (client, server)) = handshake(&revoked, &good);
    assert_eq!(
        server.unwrap(),
        Error::InvalidCertificate(CertificateError::Revoked)
    );
    assert!(refusal(&client.unwrap()).contains("our certificate was revoked"));
    let (_, (client, server)) = handshake(&good, &revoked);
    assert!(refusal(&client.unwrap()).contains("the peer's certificate was revoked"));
    assert_eq!(alert(server.as_ref()), AlertDescription::CertificateRevoked);
}

fn world_start() -> spica_model::Timestamp {
    crate::support::start()
}

#[test]
fn a_certificate_that_expired_is_refused_and_so_is_an_open_connection_when_it_is_checked_again() {
    let world = World::new();
    let (primary, backup) = world.pair();
    let (ends, outcome) = handshake(&primary, &backup);
    assert_eq!(outcome, (None, None));
    let shown = ends.server.peer_certificates().unwrap();
    assert_eq!(backup.verify(shown).unwrap(), *primary.own());

    world.clock.advance(731 * DAY);
    let again = backup.verify(shown).unwrap_err();
    assert!(again.to_string().contains("expired"), "{again}");
    let (_, (client, server)) = handshake(&primary, &backup);
    assert!(refusal(&client.unwrap()).contains("expired"));
    assert!(refusal(&server.unwrap()).contains("expired"));
}

#[test]
fn a_certificate_counts_a_day_before_it_was_issued_and_not_earlier() {
    let world = World::new();
    let (primary, backup) = world.pair();
    let with_clock = |before: u32| {
        world
            .clock
            .set_wall(world_start().saturating_sub(before * DAY));
        handshake(&primary, &backup).1
    };
    assert_eq!(with_clock(1), (None, None));
    let (client, _) = with_clock(2);
    assert!(refusal(&client.unwrap()).contains("not valid yet"));
}

/// A client that trusts the authority of the world, with ALPN protocols of its own.
fn stranger(world: &World, alpn: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(world.ca().join("ca.crt")).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// A node that is reached under the address that [`spica_trust::server_name`] has.
fn addressed(world: &World) -> spica_trust::Identity {
    let mut subject = crate::support::subject("root", None);
    subject.addresses = vec![spica_trust::server_name()];
    let dir = world.dir.path().join("addressed");
    world
        .authority()
        .issue_into(&dir, &subject, 365 * DAY, world_start())
        .unwrap();
    world.load(&spica_trust::Credentials::in_directory(&dir))
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let world = World::new();
    let server = addressed(&world);
    let client = Arc::new(stranger(&world, &[spica_trust::ALPN]));
    let (_, (client, server)) = Ends::new(client, server.server_config()).shake_hands();
    assert_eq!(server, Some(Error::NoCertificatesPresented));
    assert_eq!(
        alert(client.as_ref()),
        AlertDescription::CertificateRequired
    );
    assert!(refusal(&server.unwrap()).contains("shows no certificate"));
}

#[test]
fn a_client_of_another_protocol_is_refused() {
    let world = World::new();
    let server = addressed(&world);
    let client = Arc::new(stranger(&world, &[b"h2"]));
    let (_, (client, server)) = Ends::new(client, server.server_config()).shake_hands();
    assert_eq!(server, Some(Error::NoApplicationProtocol));
    assert!(refusal(&client.unwrap()).contains("link protocol"));
}

#[test]
fn a_node_that_names_no_protocol_is_no_peer() {
    let (primary, backup) = World::new().pair();
    let mut silent = ClientConfig::clone(&primary.client_config());
    silent.alpn_protocols.clear();
    let (ends, outcome) = Ends::new(Arc::new(silent), backup.server_config()).shake_hands();
    assert_eq!(outcome, (None, None));
    let error = backup.peer_of(&ends.server).unwrap_err();
    assert!(matches!(error, PeerError::Protocol), "{error}");
}

#[test]
fn a_client_that_knows_only_older_tls_is_refused() {
    let world = World::new();
    let server = addressed(&world);
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(world.ca().join("ca.crt")).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (_, (client, _)) = Ends::new(Arc::new(client), server.server_config()).shake_hands();
    assert_eq!(alert(client.as_ref()), AlertDescription::ProtocolVersion);
}
