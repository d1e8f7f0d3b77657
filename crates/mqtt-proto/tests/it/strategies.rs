//! Packets of all kinds that a version has, with values that its sender may give. Texts are leaked:
//! a packet borrows, and a test's few are not missed.

use std::num::{NonZeroU16, NonZeroU32};

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use spica_mqtt_proto::*;

/// A packet that `Side` reads on a connection of a version.
pub(crate) fn packets(side: Side, version: Version) -> BoxedStrategy<Packet<'static>> {
    let both = prop_oneof![
        publish(side, version).prop_map(Packet::Publish),
        ack(version, PUBLISHED).prop_map(Packet::PubAck),
        ack(version, PUBLISHED).prop_map(Packet::PubRec),
        ack(version, RELEASED).prop_map(Packet::PubRel),
        ack(version, RELEASED).prop_map(Packet::PubComp),
    ];
    let one = match side {
        Side::Server => from_client(version),
        Side::Client => from_server(version),
    };
    prop_oneof![both, one].boxed()
}

fn from_client(version: Version) -> BoxedStrategy<Packet<'static>> {
    let of_all = prop_oneof![
        3 => connect(version).prop_map(Packet::Connect),
        2 => subscribe(version).prop_map(Packet::Subscribe),
        2 => unsubscribe(version).prop_map(Packet::Unsubscribe),
        1 => Just(Packet::PingReq),
        1 => disconnect(Side::Server, version).prop_map(Packet::Disconnect),
    ];
    if version < Version::V5 {
        return of_all.boxed();
    }
    let auth = auth(&[Reason::ContinueAuthentication, Reason::ReAuthenticate]);
    prop_oneof![8 => of_all, 1 => auth.prop_map(Packet::Auth)].boxed()
}

fn from_server(version: Version) -> BoxedStrategy<Packet<'static>> {
    let of_all = prop_oneof![
        3 => connack(version).prop_map(Packet::ConnAck),
        2 => suback(version).prop_map(Packet::SubAck),
        2 => unsuback(version).prop_map(Packet::UnsubAck),
        1 => Just(Packet::PingResp),
    ];
    if version < Version::V5 {
        return of_all.boxed();
    }
    let auth = auth(&[Reason::Success, Reason::ContinueAuthentication]);
    let disconnect = disconnect(Side::Client, version).prop_map(Packet::Disconnect);
    prop_oneof![8 => of_all, 1 => disconnect, 1 => auth.prop_map(Packet::Auth)].boxed()
}

const PUBLISHED: &[Reason] = &[
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::NotAuthorized,
    Reason::PayloadFormatInvalid,
];
const RELEASED: &[Reason] = &[Reason::Success, Reason::PacketIdentifierNotFound];

fn text() -> impl Strategy<Value = &'static str> {
    let short = "[a-zé€😀\u{feff} \u{1}]{0,6}";
    let text = prop_oneof![20 => short.boxed(), 1 => "x{200,300}".boxed()];
    text.prop_map(|text| &*text.leak())
}

fn bytes(most: usize) -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..=most).prop_map(|bytes| &*bytes.leak())
}

fn sensitive() -> impl Strategy<Value = Sensitive<'static>> {
    bytes(9).prop_map(Sensitive)
}

pub(crate) fn topic() -> impl Strategy<Value = &'static str> {
    let topic = "/?[a-zä]{1,4}(/[a-z]{0,3}){0,3}";
    topic.prop_map(|topic| &*topic.leak())
}

pub(crate) fn filter() -> impl Strategy<Value = &'static str> {
    let level = select(&["a", "+", "", "ö", "$SYS"][..]);
    let share = select(&["", "", "$share/g/"][..]);
    let levels = (share, vec(level, 1..4), any::<bool>());
    levels.prop_map(|(share, levels, rest)| {
        let end = if rest { "/#" } else { "" };
        let filter = format!("{share}{}{end}", levels.join("/"));
        // An empty level alone is no filter.
        let filter = match filter.as_str() {
            "" | "$share/g/" => filter + "b",
            _ => filter,
        };
        &*filter.leak()
    })
}

fn user() -> impl Strategy<Value = UserProperties<'static>> {
    let pairs = prop_oneof![Just(vec![]), vec((text(), text()), 1..4)];
    pairs.prop_map(|pairs| {
        let mut buffer = Vec::new();
        for (name, value) in pairs {
            UserProperties::push(&mut buffer, name, value).unwrap();
        }
        UserProperties::of(buffer.leak())
    })
}

fn subscription_ids(side: Side) -> BoxedStrategy<SubscriptionIds<'static>> {
    if side == Side::Server {
        return Just(SubscriptionIds::default()).boxed();
    }
    let id = prop_oneof![1_u32..4, 100_u32..20_000, Just(268_435_455)];
    let ids = vec(id, 0..3).prop_map(|ids| {
        let mut buffer = Vec::new();
        for id in ids {
            SubscriptionIds::push(&mut buffer, id).unwrap();
        }
        SubscriptionIds::of(buffer.leak())
    });
    ids.boxed()
}

fn qos() -> impl Strategy<Value = QoS> {
    select(&QoS::ALL[..])
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    any::<NonZeroU16>()
}

/// What MQTT 5 has and others have not.
fn if_v5<T: Default + Clone + std::fmt::Debug + 'static>(
    version: Version,
    strategy: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<T> {
    match version {
        Version::V5 => prop_oneof![1 => Just(T::default()), 4 => strategy].boxed(),
        _ => Just(T::default()).boxed(),
    }
}

pub(crate) fn connect(version: Version) -> impl Strategy<Value = Connect<'static>> {
    let id = match version {
        Version::V31 => "[a-z]{1,23}".boxed(),
        _ => "[a-z]{0,40}".boxed(),
    };
    let id = id.prop_map(|id| &*id.leak());
    let rest = (of(will(version)), of(text()), of(sensitive()));
    let properties = if_v5(version, connect_properties());
    let parts = (any::<bool>(), any::<u16>(), properties, id, rest);
    parts.prop_map(move |parts| {
        let (clean_start, keep_alive, properties, client_id, rest) = parts;
        let (will, user, password) = rest;
        let needs_clean = client_id.is_empty() && version == Version::V311;
        let may_password = user.is_some() || version == Version::V5;
        Connect {
            version,
            clean_start: clean_start || needs_clean,
            keep_alive,
            properties,
            client_id,
            will,
            user,
            password: password.filter(|_| may_password),
        }
    })
}

fn connect_properties() -> impl Strategy<Value = ConnectProperties<'static>> {
    let numbers = (
        of(any::<u32>()),
        of(any::<NonZeroU16>()),
        of(any::<NonZeroU32>()),
        of(any::<u16>()),
    );
    let flags = (of(any::<bool>()), of(any::<bool>()));
    let parts = (numbers, flags, of((text(), of(sensitive()))), user());
    parts.prop_map(|(numbers, flags, authentication, user)| ConnectProperties {
        session_expiry: numbers.0,
        receive_maximum: numbers.1,
        packet_maximum: numbers.2,
        topic_alias_maximum: numbers.3,
        request_response_information: flags.0,
        request_problem_information: flags.1,
        authentication_method: authentication.map(|(method, _)| method),
        authentication_data: authentication.and_then(|(_, data)| data),
        user,
    })
}

fn will(version: Version) -> impl Strategy<Value = Will<'static>> {
    let properties = if_v5(version, will_properties());
    let parts = (qos(), any::<bool>(), topic(), bytes(30), properties);
    parts.prop_map(|(qos, retain, topic, payload, properties)| Will {
        qos,
        retain,
        topic,
        payload,
        properties,
    })
}

fn will_properties() -> impl Strategy<Value = WillProperties<'static>> {
    let parts = (of(any::<u32>()), publish_properties(Side::Server));
    parts.prop_map(|(delay, of)| WillProperties {
        delay,
        payload_is_utf8: of.payload_is_utf8,
        expiry: of.expiry,
        content_type: of.content_type,
        response_topic: of.response_topic,
        correlation: of.correlation,
        user: of.user,
    })
}

fn publish_properties(side: Side) -> impl Strategy<Value = PublishProperties<'static>> {
    let numbers = (of(any::<bool>()), of(any::<u32>()), of(1_u16..));
    let texts = (of(topic()), of(bytes(9)), of(text()));
    let parts = (numbers, texts, subscription_ids(side), user());
    parts.prop_map(
        |(numbers, texts, subscription_ids, user)| PublishProperties {
            payload_is_utf8: numbers.0,
            expiry: numbers.1,
            alias: numbers.2,
            response_topic: texts.0,
            correlation: texts.1,
            subscription_ids,
            content_type: texts.2,
            user,
        },
    )
}

fn publish(side: Side, version: Version) -> impl Strategy<Value = Publish<'static>> {
    let properties = if_v5(version, publish_properties(side));
    let flags = (any::<bool>(), qos(), any::<bool>(), any::<bool>());
    let parts = (flags, topic(), packet_id(), properties, bytes(200));
    parts.prop_map(|(flags, topic, packet_id, properties, payload)| {
        let (dup, qos, retain, by_alias) = flags;
        let is_acknowledged = qos != QoS::AtMostOnce;
        let by_alias = by_alias && properties.alias.is_some();
        Publish {
            dup: dup && is_acknowledged,
            qos,
            retain,
            topic: if by_alias { "" } else { topic },
            packet_id: is_acknowledged.then_some(packet_id),
            properties,
            payload,
        }
    })
}

fn ack_properties() -> impl Strategy<Value = AckProperties<'static>> {
    let parts = (of(text()), user());
    parts.prop_map(|(reason_text, user)| AckProperties { reason_text, user })
}

fn ack(version: Version, reasons: &'static [Reason]) -> impl Strategy<Value = Ack<'static>> {
    let reason = match version {
        Version::V5 => select(reasons).boxed(),
        _ => Just(Reason::Success).boxed(),
    };
    let parts = (packet_id(), reason, if_v5(version, ack_properties()));
    parts.prop_map(|(packet_id, reason, properties)| Ack {
        packet_id,
        reason,
        properties,
    })
}

fn subscribe(version: Version) -> impl Strategy<Value = Subscribe<'static>> {
    let properties = (of(1_u32..268_435_456), user());
    let properties = properties.prop_map(|(subscription_id, user)| SubscribeProperties {
        subscription_id,
        user,
    });
    let filters = vec((filter(), options(version)), 1..4).prop_map(|filters| {
        let mut buffer = Vec::new();
        for (filter, mut options) in filters {
            options.no_local &= split_share(filter).is_none();
            Filters::push(&mut buffer, filter, options).unwrap();
        }
        Filters::of(buffer.leak())
    });
    let parts = (packet_id(), if_v5(version, properties), filters);
    parts.prop_map(|(packet_id, properties, filters)| Subscribe {
        packet_id,
        properties,
        filters,
    })
}

fn options(version: Version) -> BoxedStrategy<SubscribeOptions> {
    if version < Version::V5 {
        let only = |qos| SubscribeOptions {
            qos,
            ..SubscribeOptions::default()
        };
        return qos().prop_map(only).boxed();
    }
    let byte = (0_u8..3, 0_u8..4, 0_u8..3);
    let options = byte.prop_map(|(qos, flags, handling)| qos | flags << 2 | handling << 4);
    let options = options.prop_map(|byte| SubscribeOptions::of(byte).unwrap());
    options.boxed()
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Unsubscribe<'static>> {
    let filters = vec(filter(), 1..4).prop_map(|filters| {
        let mut buffer = Vec::new();
        for filter in filters {
            Topics::push(&mut buffer, filter).unwrap();
        }
        Topics::of(buffer.leak())
    });
    let parts = (packet_id(), if_v5(version, user()), filters);
    parts.prop_map(|(packet_id, user, filters)| Unsubscribe {
        packet_id,
        user,
        filters,
    })
}

fn suback(version: Version) -> BoxedStrategy<SubAck<'static>> {
    const V5: &[Reason] = &[
        Reason::Success,
        Reason::GrantedQos1,
        Reason::GrantedQos2,
        Reason::UnspecifiedError,
        Reason::QuotaExceeded,
    ];
    answer(version, &V5[..if version == Version::V5 { 5 } else { 4 }])
}

fn unsuback(version: Version) -> BoxedStrategy<SubAck<'static>> {
    if version < Version::V5 {
        let plain = packet_id().prop_map(|packet_id| SubAck {
            packet_id,
            properties: AckProperties::default(),
            reasons: ReasonCodes::default(),
        });
        return plain.boxed();
    }
    answer(version, &[Reason::Success, Reason::NoSubscriptionExisted])
}

fn answer(version: Version, reasons: &'static [Reason]) -> BoxedStrategy<SubAck<'static>> {
    let reasons = vec(select(reasons), 1..5).prop_map(|reasons| ReasonCodes::of(reasons.leak()));
    let parts = (packet_id(), if_v5(version, ack_properties()), reasons);
    let answer = parts.prop_map(|(packet_id, properties, reasons)| SubAck {
        packet_id,
        properties,
        reasons,
    });
    answer.boxed()
}

fn connack(version: Version) -> impl Strategy<Value = ConnAck<'static>> {
    let reasons: &[Reason] = match version {
        Version::V5 => &[Reason::Success, Reason::Banned, Reason::UseAnotherServer],
        _ => &[
            Reason::Success,
            Reason::ServerUnavailable,
            Reason::NotAuthorized,
        ],
    };
    let properties = if_v5(version, connack_properties());
    let parts = (any::<bool>(), select(reasons), properties);
    parts.prop_map(move |(session_present, reason, properties)| ConnAck {
        session_present: session_present && reason == Reason::Success && version > Version::V31,
        reason,
        properties,
    })
}

fn connack_properties() -> impl Strategy<Value = ConnAckProperties<'static>> {
    let numbers = (
        of(any::<u32>()),
        of(any::<NonZeroU16>()),
        of(any::<NonZeroU32>()),
        of(any::<u16>()),
        of(any::<u16>()),
    );
    let flag = || of(any::<bool>());
    let flags = (flag(), flag(), flag(), flag());
    let texts = (of(text()), of(text()), of(text()), of(text()));
    let authentication = of((text(), of(sensitive())));
    let qos = of(select(&QoS::ALL[..2]));
    let parts = (numbers, flags, texts, qos, authentication, user());
    parts.prop_map(
        |(numbers, flags, texts, qos_maximum, authentication, user)| ConnAckProperties {
            session_expiry: numbers.0,
            receive_maximum: numbers.1,
            qos_maximum,
            retain_available: flags.0,
            packet_maximum: numbers.2,
            assigned_client_id: texts.0,
            topic_alias_maximum: numbers.3,
            reason_text: texts.1,
            wildcards_available: flags.1,
            subscription_ids_available: flags.2,
            shared_available: flags.3,
            server_keep_alive: numbers.4,
            response_information: texts.2,
            server_reference: texts.3,
            authentication_method: authentication.map(|(method, _)| method),
            authentication_data: authentication.and_then(|(_, data)| data),
            user,
        },
    )
}

fn disconnect(reader: Side, version: Version) -> impl Strategy<Value = Disconnect<'static>> {
    let reason = match version {
        Version::V5 => select(&[Reason::Success, Reason::ProtocolError][..]).boxed(),
        _ => Just(Reason::Success).boxed(),
    };
    let properties = (of(any::<u32>()), of(text()), of(text()), user());
    let properties =
        properties.prop_map(
            move |(expiry, reason_text, reference, user)| DisconnectProperties {
                session_expiry: expiry.filter(|_| reader == Side::Server),
                reason_text,
                server_reference: reference.filter(|_| reader == Side::Client),
                user,
            },
        );
    let parts = (reason, if_v5(version, properties));
    parts.prop_map(|(reason, properties)| Disconnect { reason, properties })
}

fn auth(reasons: &'static [Reason]) -> impl Strategy<Value = Auth<'static>> {
    let parts = (select(reasons), text(), of(sensitive()), ack_properties());
    parts.prop_map(|(reason, method, data, more)| Auth {
        reason,
        properties: AuthProperties {
            method: Some(method),
            data,
            reason_text: more.reason_text,
            user: more.user,
        },
    })
}
