use std::num::{NonZeroU16, NonZeroU32};

use spica_mqtt_proto::ConnectProperties;

use super::*;

fn connect(version: Version) -> Connect<'static> {
    Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        properties: ConnectProperties::default(),
        client_id: "c",
        will: None,
        user: None,
        password: None,
    }
}

fn v5(properties: ConnectProperties<'static>) -> Connect<'static> {
    Connect {
        properties,
        ..connect(Version::V5)
    }
}

fn agree(connect: &Connect<'static>) -> Negotiated<'static> {
    negotiate(connect, &SessionLimits::default(), "given").unwrap()
}

#[test]
fn mqtt_3_1_3_6_a_client_without_id_is_given_one_and_told() {
    let asked = Connect {
        client_id: "",
        ..connect(Version::V5)
    };
    let agreed = agree(&asked);
    assert!(agreed.is_assigned);
    assert_eq!(agreed.client_id, "given");
    let told = agreed.connack(false).properties.assigned_client_id;
    assert_eq!(told, Some("given"));
}

#[test]
fn mqtt_3_1_3_8_a_client_of_3_1_1_without_id_cannot_keep_a_session() {
    let asked = Connect {
        client_id: "",
        clean_start: false,
        ..connect(Version::V311)
    };
    let refused = negotiate(&asked, &SessionLimits::default(), "given").unwrap_err();
    assert_eq!(refused.reason, Reason::ClientIdentifierNotValid);
    assert!(refused.connack(Version::V311).is_some());
    let clean = Connect {
        clean_start: true,
        ..asked
    };
    assert_eq!(agree(&clean).client_id, "given");
}

#[test]
fn a_client_of_3_1_must_have_an_id() {
    let asked = Connect {
        client_id: "",
        ..connect(Version::V31)
    };
    assert!(negotiate(&asked, &SessionLimits::default(), "given").is_err());
}

#[test]
fn a_refusal_that_mqtt_3_has_no_code_for_closes_without_an_answer() {
    let refused = Refused {
        reason: Reason::QosNotSupported,
        what: "",
    };
    assert_eq!(refused.connack(Version::V311), None);
    assert!(refused.connack(Version::V5).is_some());
}

#[test]
fn mqtt_3_1_2_23_a_session_of_mqtt_3_that_is_not_clean_is_kept_as_configured() {
    let kept = Connect {
        clean_start: false,
        ..connect(Version::V311)
    };
    let limits = SessionLimits::default();
    assert_eq!(agree(&kept).expiry_secs, limits.session_expiry_v3_secs);
    assert_eq!(agree(&connect(Version::V311)).expiry_secs, 0);
}

#[test]
fn mqtt_3_2_2_21_a_shorter_keep_alive_is_told_and_holds() {
    let limits = SessionLimits {
        keep_alive_secs: 30,
        ..SessionLimits::default()
    };
    for asked in [0, 60] {
        let connect = Connect {
            keep_alive: asked,
            ..connect(Version::V5)
        };
        let agreed = negotiate(&connect, &limits, "given").unwrap();
        assert_eq!(agreed.terms.keep_alive_secs, 30);
        assert_eq!(agreed.connack(true).properties.server_keep_alive, Some(30));
    }
    let old = negotiate(&connect(Version::V311), &limits, "given").unwrap();
    assert_eq!(old.terms.keep_alive_secs, 60, "it cannot be told otherwise");
}

#[test]
fn a_longer_session_than_allowed_is_cut_and_told() {
    let asked = v5(ConnectProperties {
        session_expiry: Some(u32::MAX),
        ..ConnectProperties::default()
    });
    let agreed = agree(&asked);
    let longest = SessionLimits::default().session_expiry_secs;
    assert_eq!(agreed.expiry_secs, longest);
    let told = agreed.connack(false).properties.session_expiry;
    assert_eq!(told, Some(longest));
    let shorter = v5(ConnectProperties {
        session_expiry: Some(5),
        ..ConnectProperties::default()
    });
    assert_eq!(agree(&shorter).expiry_secs, 5);
    assert_eq!(
        agree(&shorter).connack(false).properties.session_expiry,
        None
    );
}

#[test]
fn what_the_client_takes_is_bounded_by_what_we_send() {
    let asked = v5(ConnectProperties {
        receive_maximum: NonZeroU16::new(3),
        packet_maximum: NonZeroU32::new(100),
        topic_alias_maximum: Some(1_000),
        ..ConnectProperties::default()
    });
    let limits = SessionLimits::default();
    let terms = agree(&asked).terms;
    assert_eq!((terms.window, terms.packet_bytes), (3, 100));
    assert_eq!(terms.aliases_out, limits.aliases_out);
    let silent = agree(&v5(ConnectProperties::default())).terms;
    assert_eq!(silent.window, limits.window.get());
    assert_eq!((silent.packet_bytes, silent.aliases_out), (u32::MAX, 0));
    assert!(silent.problem_information && !silent.response_information);
}

#[test]
fn every_connack_can_be_written() {
    for version in Version::ALL {
        let agreed = agree(&connect(version));
        let packet = spica_mqtt_proto::Packet::ConnAck(agreed.connack(true));
        packet.encode(version, &mut Vec::new()).unwrap();
    }
}
