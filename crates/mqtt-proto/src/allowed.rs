//! Which reasons each packet may give.

use crate::Reason::{self, *};

/// PUBACK and PUBREC: MQTT-3.4.2-1, MQTT-3.5.2-1.
pub(crate) const PUBLISHED: &[Reason] = &[
    Success,
    NoMatchingSubscribers,
    UnspecifiedError,
    ImplementationSpecificError,
    NotAuthorized,
    TopicNameInvalid,
    PacketIdentifierInUse,
    QuotaExceeded,
    PayloadFormatInvalid,
];

/// PUBREL and PUBCOMP: MQTT-3.6.2-1, MQTT-3.7.2-1.
pub(crate) const RELEASED: &[Reason] = &[Success, PacketIdentifierNotFound];

/// CONNACK: MQTT-3.2.2-8.
pub(crate) const CONNECTED: &[Reason] = &[
    Success,
    UnspecifiedError,
    MalformedPacket,
    ProtocolError,
    ImplementationSpecificError,
    UnsupportedProtocolVersion,
    ClientIdentifierNotValid,
    BadUserNameOrPassword,
    NotAuthorized,
    ServerUnavailable,
    ServerBusy,
    Banned,
    BadAuthenticationMethod,
    TopicNameInvalid,
    PacketTooLarge,
    QuotaExceeded,
    PayloadFormatInvalid,
    RetainNotSupported,
    QosNotSupported,
    UseAnotherServer,
    ServerMoved,
    ConnectionRateExceeded,
];

/// SUBACK in MQTT 5: MQTT-3.9.3-2.
pub(crate) const SUBSCRIBED: &[Reason] = &[
    Success,
    GrantedQos1,
    GrantedQos2,
    UnspecifiedError,
    ImplementationSpecificError,
    NotAuthorized,
    TopicFilterInvalid,
    PacketIdentifierInUse,
    QuotaExceeded,
    SharedSubscriptionsNotSupported,
    SubscriptionIdentifiersNotSupported,
    WildcardSubscriptionsNotSupported,
];

/// SUBACK before MQTT 5; MQTT 3.1 has no failure, but servers send it.
pub(crate) const SUBSCRIBED_V3: &[Reason] = &[Success, GrantedQos1, GrantedQos2, UnspecifiedError];

/// UNSUBACK: MQTT-3.11.3-2.
pub(crate) const UNSUBSCRIBED: &[Reason] = &[
    Success,
    NoSubscriptionExisted,
    UnspecifiedError,
    ImplementationSpecificError,
    NotAuthorized,
    TopicFilterInvalid,
    PacketIdentifierInUse,
];

/// DISCONNECT of either side: MQTT-3.14.2-1.
pub(crate) const DISCONNECTED: &[Reason] = &[
    Success,
    DisconnectWithWill,
    UnspecifiedError,
    MalformedPacket,
    ProtocolError,
    ImplementationSpecificError,
    NotAuthorized,
    ServerBusy,
    ServerShuttingDown,
    KeepAliveTimeout,
    SessionTakenOver,
    TopicFilterInvalid,
    TopicNameInvalid,
    ReceiveMaximumExceeded,
    TopicAliasInvalid,
    PacketTooLarge,
    MessageRateTooHigh,
    QuotaExceeded,
    AdministrativeAction,
    PayloadFormatInvalid,
    RetainNotSupported,
    QosNotSupported,
    UseAnotherServer,
    ServerMoved,
    SharedSubscriptionsNotSupported,
    ConnectionRateExceeded,
    MaximumConnectTime,
    SubscriptionIdentifiersNotSupported,
    WildcardSubscriptionsNotSupported,
];

/// AUTH of either side: MQTT-3.15.2-1.
pub(crate) const AUTHENTICATED: &[Reason] = &[Success, ContinueAuthentication, ReAuthenticate];
