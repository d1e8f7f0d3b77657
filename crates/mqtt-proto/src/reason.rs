//! Reason codes of MQTT 5, and the return codes of 3.1 and 3.1.1 among them.

use std::fmt;

macro_rules! reasons {
    ($($code:literal $name:ident $text:literal)*) => {
        /// Why something was done or refused, as MQTT 5 numbers it.
        ///
        /// 0 is also "normal disconnection" and "granted QoS 0".
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $(#[doc = $text] $name = $code,)*
        }

        impl Reason {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As an operator reads it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Of the number on the wire; none if MQTT 5 does not know it.
            #[must_use]
            pub const fn of(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    0x00 Success "success"
    0x01 GrantedQos1 "granted QoS 1"
    0x02 GrantedQos2 "granted QoS 2"
    0x04 DisconnectWithWill "disconnect with will message"
    0x10 NoMatchingSubscribers "no matching subscribers"
    0x11 NoSubscriptionExisted "no subscription existed"
    0x18 ContinueAuthentication "continue authentication"
    0x19 ReAuthenticate "re-authenticate"
    0x80 UnspecifiedError "unspecified error"
    0x81 MalformedPacket "malformed packet"
    0x82 ProtocolError "protocol error"
    0x83 ImplementationSpecificError "implementation specific error"
    0x84 UnsupportedProtocolVersion "unsupported protocol version"
    0x85 ClientIdentifierNotValid "client identifier not valid"
    0x86 BadUserNameOrPassword "bad user name or password"
    0x87 NotAuthorized "not authorized"
    0x88 ServerUnavailable "server unavailable"
    0x89 ServerBusy "server busy"
    0x8A Banned "banned"
    0x8B ServerShuttingDown "server shutting down"
    0x8C BadAuthenticationMethod "bad authentication method"
    0x8D KeepAliveTimeout "keep alive timeout"
    0x8E SessionTakenOver "session taken over"
    0x8F TopicFilterInvalid "topic filter invalid"
    0x90 TopicNameInvalid "topic name invalid"
    0x91 PacketIdentifierInUse "packet identifier in use"
    0x92 PacketIdentifierNotFound "packet identifier not found"
    0x93 ReceiveMaximumExceeded "receive maximum exceeded"
    0x94 TopicAliasInvalid "topic alias invalid"
    0x95 PacketTooLarge "packet too large"
    0x96 MessageRateTooHigh "message rate too high"
    0x97 QuotaExceeded "quota exceeded"
    0x98 AdministrativeAction "administrative action"
    0x99 PayloadFormatInvalid "payload format invalid"
    0x9A RetainNotSupported "retain not supported"
    0x9B QosNotSupported "QoS not supported"
    0x9C UseAnotherServer "use another server"
    0x9D ServerMoved "server moved"
    0x9E SharedSubscriptionsNotSupported "shared subscriptions not supported"
    0x9F ConnectionRateExceeded "connection rate exceeded"
    0xA0 MaximumConnectTime "maximum connect time"
    0xA1 SubscriptionIdentifiersNotSupported "subscription identifiers not supported"
    0xA2 WildcardSubscriptionsNotSupported "wildcard subscriptions not supported"
}

impl Reason {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether it tells of a failure: 0x80 and above.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.code() >= 0x80
    }

    /// What a CONNACK of MQTT 3.1 and 3.1.1 says for it; none: the connection is closed without one.
    #[must_use]
    pub const fn connack_v3(self) -> Option<u8> {
        match self {
            Self::Success => Some(0),
            Self::UnsupportedProtocolVersion => Some(1),
            Self::ClientIdentifierNotValid => Some(2),
            Self::ServerUnavailable
            | Self::ServerBusy
            | Self::ServerShuttingDown
            | Self::QuotaExceeded
            | Self::UseAnotherServer
            | Self::ServerMoved
            | Self::ConnectionRateExceeded => Some(3),
            Self::BadUserNameOrPassword | Self::BadAuthenticationMethod => Some(4),
            Self::NotAuthorized | Self::Banned => Some(5),
            _ => None,
        }
    }

    /// What the return code of a CONNACK of MQTT 3.1 and 3.1.1 means; none from 6 on.
    #[must_use]
    pub const fn of_connack_v3(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Success),
            1 => Some(Self::UnsupportedProtocolVersion),
            2 => Some(Self::ClientIdentifierNotValid),
            3 => Some(Self::ServerUnavailable),
            4 => Some(Self::BadUserNameOrPassword),
            5 => Some(Self::NotAuthorized),
            _ => None,
        }
    }

    /// What grants a subscription this quality of service.
    #[must_use]
    pub const fn granted(qos: crate::QoS) -> Self {
        match qos {
            crate::QoS::AtMostOnce => Self::Success,
            crate::QoS::AtLeastOnce => Self::GrantedQos1,
            crate::QoS::ExactlyOnce => Self::GrantedQos2,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
