//! The packets, as they are read and written: everything borrows, nothing allocates.

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};

use crate::{
    Filters, PacketId, QoS, Reason, ReasonCodes, SubscriptionIds, Topics, UserProperties, Version,
};

/// A packet of any version. What a version does not have (properties and reasons before MQTT 5) is
/// empty when read, and left out when written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A client introduces itself.
    Connect(Connect<'a>),
    /// The server's answer to it.
    ConnAck(ConnAck<'a>),
    /// A message.
    Publish(Publish<'a>),
    /// A QoS 1 message has been taken.
    PubAck(Ack<'a>),
    /// A QoS 2 message has been taken.
    PubRec(Ack<'a>),
    /// A QoS 2 message's id will be given up.
    PubRel(Ack<'a>),
    /// It has been given up.
    PubComp(Ack<'a>),
    /// A client asks for messages.
    Subscribe(Subscribe<'a>),
    /// The server's answer to it.
    SubAck(SubAck<'a>),
    /// A client wants no more of them.
    Unsubscribe(Unsubscribe<'a>),
    /// The server's answer to it.
    UnsubAck(SubAck<'a>),
    /// A client is alive.
    PingReq,
    /// The server is alive.
    PingResp,
    /// The connection ends in good order.
    Disconnect(Disconnect<'a>),
    /// A step of enhanced authentication; MQTT 5 only.
    Auth(Auth<'a>),
}

impl Packet<'_> {
    /// As the standard calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "CONNECT",
            Self::ConnAck(_) => "CONNACK",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(_) => "PUBACK",
            Self::PubRec(_) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(_) => "PUBCOMP",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::SubAck(_) => "SUBACK",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::UnsubAck(_) => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect(_) => "DISCONNECT",
            Self::Auth(_) => "AUTH",
        }
    }
}

/// Bytes that nobody is to read in a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sensitive<'a>(
    /// The bytes.
    pub &'a [u8],
);

impl fmt::Debug for Sensitive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// What the client speaks from here on.
    pub version: Version,
    /// Whether a session of before is dropped; "clean session" before MQTT 5.
    pub clean_start: bool,
    /// Seconds after which a silent client is gone; 0: never.
    pub keep_alive: u16,
    /// MQTT 5 only.
    pub properties: ConnectProperties<'a>,
    /// Empty: the server gives one.
    pub client_id: &'a str,
    /// What is published when the client is lost.
    pub will: Option<Will<'a>>,
    /// User name.
    pub user: Option<&'a str>,
    /// Password: before MQTT 5 only with a user name.
    pub password: Option<Sensitive<'a>>,
}

/// Properties of CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectProperties<'a> {
    /// Seconds the session outlives the connection; none is 0, `u32::MAX` is for ever.
    pub session_expiry: Option<u32>,
    /// QoS 1 and 2 messages that the client takes at once; none is 65,535.
    pub receive_maximum: Option<NonZeroU16>,
    /// Bytes of a packet that the client takes.
    pub packet_maximum: Option<NonZeroU32>,
    /// The highest topic alias that the client takes; none is 0.
    pub topic_alias_maximum: Option<u16>,
    /// Whether CONNACK is to hold response information; none is no.
    pub request_response_information: Option<bool>,
    /// Whether any packet may hold reason texts and user properties; none is yes.
    pub request_problem_information: Option<bool>,
    /// Enhanced authentication: the method.
    pub authentication_method: Option<&'a str>,
    /// Enhanced authentication: the first step.
    pub authentication_data: Option<Sensitive<'a>>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// What is published when the client is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// Quality of service.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// Topic.
    pub topic: &'a str,
    /// Payload: 65,535 bytes at most.
    pub payload: &'a [u8],
    /// MQTT 5 only.
    pub properties: WillProperties<'a>,
}

/// Properties of a will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WillProperties<'a> {
    /// Seconds it waits for the client to come back; none is 0.
    pub delay: Option<u32>,
    /// Whether the payload says of itself that it is UTF-8.
    pub payload_is_utf8: Option<bool>,
    /// Seconds after which it is no longer delivered.
    pub expiry: Option<u32>,
    /// Content type.
    pub content_type: Option<&'a str>,
    /// Topic for an answer.
    pub response_topic: Option<&'a str>,
    /// What an answer carries.
    pub correlation: Option<&'a [u8]>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server has kept the session; only when it accepts. MQTT 3.1 does not say.
    pub session_present: bool,
    /// Accepted or why not.
    pub reason: Reason,
    /// MQTT 5 only.
    pub properties: ConnAckProperties<'a>,
}

/// Properties of CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnAckProperties<'a> {
    /// Seconds the session outlives the connection; none is what the client asked for.
    pub session_expiry: Option<u32>,
    /// QoS 1 and 2 messages that the server takes at once; none is 65,535.
    pub receive_maximum: Option<NonZeroU16>,
    /// The best quality of service there is; none is 2, and 2 is never written.
    pub qos_maximum: Option<QoS>,
    /// Whether there are retained messages; none is yes.
    pub retain_available: Option<bool>,
    /// Bytes of a packet that the server takes.
    pub packet_maximum: Option<NonZeroU32>,
    /// The client id that the server gives.
    pub assigned_client_id: Option<&'a str>,
    /// The highest topic alias that the server takes; none is 0.
    pub topic_alias_maximum: Option<u16>,
    /// For people.
    pub reason_text: Option<&'a str>,
    /// Whether there are wildcard subscriptions; none is yes.
    pub wildcards_available: Option<bool>,
    /// Whether there are subscription identifiers; none is yes.
    pub subscription_ids_available: Option<bool>,
    /// Whether there are shared subscriptions; none is yes.
    pub shared_available: Option<bool>,
    /// Seconds that the client uses instead of its own keep-alive.
    pub server_keep_alive: Option<u16>,
    /// From what the client makes its response topics.
    pub response_information: Option<&'a str>,
    /// Another server to use.
    pub server_reference: Option<&'a str>,
    /// Enhanced authentication: the method.
    pub authentication_method: Option<&'a str>,
    /// Enhanced authentication: the last step.
    pub authentication_data: Option<Sensitive<'a>>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether it may have been sent before; never with QoS 0.
    pub dup: bool,
    /// Quality of service.
    pub qos: QoS,
    /// To the server: it is kept as the topic's last; from it: it was kept.
    pub retain: bool,
    /// Topic: empty only in MQTT 5, with an alias.
    pub topic: &'a str,
    /// With QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// MQTT 5 only.
    pub properties: PublishProperties<'a>,
    /// Payload.
    pub payload: &'a [u8],
}

/// Properties of PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishProperties<'a> {
    /// Whether the payload says of itself that it is UTF-8.
    pub payload_is_utf8: Option<bool>,
    /// Seconds after which it is no longer delivered.
    pub expiry: Option<u32>,
    /// A number that stands for the topic on this connection: never 0.
    pub alias: Option<u16>,
    /// Topic for an answer.
    pub response_topic: Option<&'a str>,
    /// What an answer carries.
    pub correlation: Option<&'a [u8]>,
    /// For which subscriptions it is delivered: from servers only.
    pub subscription_ids: SubscriptionIds<'a>,
    /// Content type.
    pub content_type: Option<&'a str>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Of the message.
    pub packet_id: PacketId,
    /// Success before MQTT 5.
    pub reason: Reason,
    /// MQTT 5 only.
    pub properties: AckProperties<'a>,
}

/// Properties of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AckProperties<'a> {
    /// For people.
    pub reason_text: Option<&'a str>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// For the answer.
    pub packet_id: PacketId,
    /// MQTT 5 only.
    pub properties: SubscribeProperties<'a>,
    /// At least one.
    pub filters: Filters<'a>,
}

/// Properties of SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscribeProperties<'a> {
    /// What messages of these subscriptions carry: 1 to 268,435,455.
    pub subscription_id: Option<u32>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// SUBACK, and UNSUBACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// Of the request.
    pub packet_id: PacketId,
    /// MQTT 5 only.
    pub properties: AckProperties<'a>,
    /// One for each filter; UNSUBACK has none before MQTT 5.
    pub reasons: ReasonCodes<'a>,
}

/// UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// For the answer.
    pub packet_id: PacketId,
    /// MQTT 5 only.
    pub user: UserProperties<'a>,
    /// At least one.
    pub filters: Topics<'a>,
}

/// DISCONNECT: before MQTT 5 only clients send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Success before MQTT 5.
    pub reason: Reason,
    /// MQTT 5 only.
    pub properties: DisconnectProperties<'a>,
}

/// Properties of DISCONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisconnectProperties<'a> {
    /// Seconds the session is kept, instead of what CONNECT said: from clients only.
    pub session_expiry: Option<u32>,
    /// For people.
    pub reason_text: Option<&'a str>,
    /// Another server to use: from servers only.
    pub server_reference: Option<&'a str>,
    /// User properties.
    pub user: UserProperties<'a>,
}

/// AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue or re-authenticate.
    pub reason: Reason,
    /// What is said.
    pub properties: AuthProperties<'a>,
}

/// Properties of AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthProperties<'a> {
    /// The method: none only when the whole packet is empty.
    pub method: Option<&'a str>,
    /// The step.
    pub data: Option<Sensitive<'a>>,
    /// For people.
    pub reason_text: Option<&'a str>,
    /// User properties.
    pub user: UserProperties<'a>,
}
