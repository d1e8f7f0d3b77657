use bytes::Bytes;
use spica_mqtt_proto::QoS;

use super::*;

fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn will(delay_secs: u32) -> Option<Will> {
    Some(Will {
        topic: "gone".to_owned(),
        payload: Bytes::from_static(b"bye"),
        qos: QoS::AtLeastOnce,
        retain: false,
        delay_secs,
        payload_is_utf8: None,
        expiry_secs: None,
        content_type: None,
        response_topic: None,
        correlation: None,
        user: Vec::new(),
    })
}

#[test]
fn mqtt_3_1_2_10_a_normal_disconnect_forgets_the_will() {
    let mut life = Life::new(100, will(0));
    assert_eq!(life.ended(Ending::of(Reason::Success), at(1)), None);
    assert_eq!(life.due(at(2)), None);
    assert_eq!(life.due(at(101)), Some(Due::Expired(None)));
}

#[test]
fn mqtt_3_1_2_8_a_lost_client_has_its_will_published() {
    let mut life = Life::new(100, will(0));
    let published = life.ended(Ending::Lost, at(1));
    assert_eq!(published.as_deref(), will(0).as_ref());
    assert_eq!(life.due(at(2)), None, "once");
}

#[test]
fn disconnect_with_will_keeps_the_will() {
    let ending = Ending::of(Reason::DisconnectWithWill);
    let published = Life::new(100, will(0)).ended(ending, at(1));
    assert!(published.is_some());
}

#[test]
fn mqtt_3_1_3_9_a_client_that_is_back_in_time_has_no_will_published() {
    let mut life = Life::new(100, will(10));
    assert_eq!(life.ended(Ending::Lost, at(1)), None);
    assert_eq!(life.deadline(), Some(at(11)));
    assert_eq!(life.due(at(10)), None);
    life.connected(100, None);
    assert_eq!((life.due(at(11)), life.deadline()), (None, None));
}

#[test]
fn a_will_waits_for_its_delay_and_the_session_goes_on() {
    let mut life = Life::new(100, will(10));
    assert_eq!(life.ended(Ending::Lost, at(1)), None);
    assert!(matches!(life.due(at(11)), Some(Due::Will(_))));
    assert_eq!(life.due(at(11)), None);
    assert_eq!(life.deadline(), Some(at(101)));
}

#[test]
fn a_session_that_ends_before_the_delay_publishes_the_will_with_its_end() {
    let mut life = Life::new(5, will(10));
    assert_eq!(life.ended(Ending::Lost, at(1)), None);
    assert_eq!(life.deadline(), Some(at(6)));
    assert!(matches!(life.due(at(6)), Some(Due::Expired(Some(_)))));
    let mut clean = Life::new(0, will(10));
    assert_eq!(clean.ended(Ending::Lost, at(1)), None);
    assert!(matches!(clean.due(at(1)), Some(Due::Expired(Some(_)))));
}

#[test]
fn a_take_over_publishes_the_will_unless_the_session_goes_on_within_the_delay() {
    let taken = |clean_start| Ending::TakenOver { clean_start };
    let published = |delay, clean_start| {
        let mut life = Life::new(100, will(delay));
        life.ended(taken(clean_start), at(1)).is_some()
    };
    assert!(published(0, false) && published(0, true) && published(10, true));
    assert!(!published(10, false));
}

#[test]
fn a_session_for_ever_has_no_deadline() {
    let mut life = Life::new(u32::MAX, None);
    assert_eq!(life.ended(Ending::Lost, at(1)), None);
    assert_eq!(life.deadline(), None);
    assert_eq!(life.due(at(u32::MAX)), None);
}

#[test]
fn disconnect_changes_the_expiry_but_gives_no_life_to_a_session_without() {
    let limits = SessionLimits::default();
    let mut life = Life::new(100, None);
    life.change_expiry(u32::MAX, &limits).unwrap();
    assert_eq!(life.expiry_secs(), limits.session_expiry_secs);
    life.change_expiry(0, &limits).unwrap();
    assert!(!life.is_durable());
    let refused = life.change_expiry(1, &limits).unwrap_err();
    assert_eq!(refused.reason, Reason::ProtocolError);
    life.change_expiry(0, &limits).unwrap();
}
