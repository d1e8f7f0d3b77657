//! Checks a section of properties: which may stand there, how often, and with what values.

use crate::property::{self as id, Entry, Value, entries};
use crate::read::{Read, Reader, fault};
use crate::{SubscriptionIds, UserProperties};

/// What may stand in the properties of one kind of packet.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    /// One bit for each number.
    once: u64,
    /// Those that may stand more than once.
    often: u64,
}

impl Allowed {
    /// These, and user properties.
    pub(super) const fn once(ids: &[u8]) -> Self {
        let (mut once, mut at) = (0, 0);
        while at < ids.len() {
            once |= 1 << ids[at];
            at += 1;
        }
        let often = 1 << id::USER;
        Self { once, often }
    }

    /// And subscription identifiers.
    pub(super) const fn and_subscription_ids(mut self) -> Self {
        self.often |= 1 << id::SUBSCRIPTION_ID;
        self
    }
}

/// What may stand more than once.
#[derive(Default)]
pub(super) struct Repeated<'a> {
    pub(super) user: UserProperties<'a>,
    pub(super) subscription_ids: SubscriptionIds<'a>,
}

/// Reads a section with the length before it, and gives each property that stands once.
#[inline]
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    allowed: Allowed,
    user_limit: u32,
    each: impl FnMut(u8, Value<'a>),
) -> Read<Repeated<'a>> {
    let section = reader.section()?;
    if section.is_empty() {
        return Ok(Repeated::default());
    }
    walk(section, allowed, user_limit, each)
}

fn walk<'a>(
    section: &'a [u8],
    allowed: Allowed,
    user_limit: u32,
    mut each: impl FnMut(u8, Value<'a>),
) -> Read<Repeated<'a>> {
    let (mut seen, mut users, mut at) = (0, 0, 0);
    let mut user = Span::default();
    let mut subscription_ids = Span::default();
    for entry in entries(section) {
        let Entry {
            id: its,
            value,
            bytes,
        } = entry?;
        let bit = 1 << its;
        if (allowed.once | allowed.often) & bit == 0 {
            return Err(fault!("a property that this packet does not have"));
        }
        if seen & bit & !allowed.often != 0 {
            return Err(fault!(ProtocolError, "a property that stands twice"));
        }
        seen |= bit;
        check(its, value)?;
        let end = at + bytes.len();
        match its {
            id::USER => {
                users += 1;
                user.extend(at, end);
            }
            id::SUBSCRIPTION_ID if allowed.often & bit != 0 => subscription_ids.extend(at, end),
            _ => each(its, value),
        }
        at = end;
    }
    if users > user_limit {
        return Err(fault!(QuotaExceeded, "more user properties than are taken"));
    }
    Ok(Repeated {
        user: UserProperties::of(user.of(section)),
        subscription_ids: SubscriptionIds::of(subscription_ids.of(section)),
    })
}

/// From the first to the last of a kind.
#[derive(Default)]
struct Span {
    from: usize,
    to: usize,
}

impl Span {
    const fn extend(&mut self, from: usize, to: usize) {
        if self.to == 0 {
            self.from = from;
        }
        self.to = to;
    }

    fn of<'a>(&self, section: &'a [u8]) -> &'a [u8] {
        &section[self.from..self.to]
    }
}

/// Values that their types allow and the standard does not.
fn check(id: u8, value: Value<'_>) -> Read<()> {
    match (id, value) {
        (_, Value::Byte(2..)) => Err(fault!(ProtocolError, "a flag that is neither 0 nor 1")),
        (id::RECEIVE_MAXIMUM, Value::Short(0)) => {
            Err(fault!(ProtocolError, "a receive maximum of 0"))
        }
        (id::PACKET_MAXIMUM, Value::Word(0)) => {
            Err(fault!(ProtocolError, "a maximum packet size of 0"))
        }
        (id::SUBSCRIPTION_ID, Value::Varint(0)) => {
            Err(fault!(ProtocolError, "the subscription identifier 0"))
        }
        (id::TOPIC_ALIAS, Value::Short(0)) => Err(fault!(TopicAliasInvalid, "the topic alias 0")),
        (id::RESPONSE_TOPIC, Value::Text(topic)) if crate::check_topic_name(topic).is_err() => {
            let fault = fault!(
                TopicNameInvalid,
                "a response topic that is empty or has a wildcard"
            );
            Err(fault)
        }
        _ => Ok(()),
    }
}

pub(super) const CONNECT: Allowed = Allowed::once(&[
    id::SESSION_EXPIRY,
    id::RECEIVE_MAXIMUM,
    id::PACKET_MAXIMUM,
    id::TOPIC_ALIAS_MAXIMUM,
    id::REQUEST_RESPONSE,
    id::REQUEST_PROBLEM,
    id::AUTHENTICATION_METHOD,
    id::AUTHENTICATION_DATA,
]);
pub(super) const WILL: Allowed = Allowed::once(&[
    id::WILL_DELAY,
    id::PAYLOAD_FORMAT,
    id::MESSAGE_EXPIRY,
    id::CONTENT_TYPE,
    id::RESPONSE_TOPIC,
    id::CORRELATION,
]);
pub(super) const CONNACK: Allowed = Allowed::once(&[
    id::SESSION_EXPIRY,
    id::RECEIVE_MAXIMUM,
    id::QOS_MAXIMUM,
    id::RETAIN_AVAILABLE,
    id::PACKET_MAXIMUM,
    id::ASSIGNED_CLIENT_ID,
    id::TOPIC_ALIAS_MAXIMUM,
    id::REASON_TEXT,
    id::WILDCARDS_AVAILABLE,
    id::SUBSCRIPTION_IDS_AVAILABLE,
    id::SHARED_AVAILABLE,
    id::SERVER_KEEP_ALIVE,
    id::RESPONSE_INFORMATION,
    id::SERVER_REFERENCE,
    id::AUTHENTICATION_METHOD,
    id::AUTHENTICATION_DATA,
]);
pub(super) const PUBLISH: Allowed = Allowed::once(&[
    id::PAYLOAD_FORMAT,
    id::MESSAGE_EXPIRY,
    id::TOPIC_ALIAS,
    id::RESPONSE_TOPIC,
    id::CORRELATION,
    id::CONTENT_TYPE,
])
.and_subscription_ids();
pub(super) const ACK: Allowed = Allowed::once(&[id::REASON_TEXT]);
pub(super) const SUBSCRIBE: Allowed = Allowed::once(&[id::SUBSCRIPTION_ID]);
pub(super) const UNSUBSCRIBE: Allowed = Allowed::once(&[]);
pub(super) const DISCONNECT: Allowed =
    Allowed::once(&[id::SESSION_EXPIRY, id::REASON_TEXT, id::SERVER_REFERENCE]);
pub(super) const AUTH: Allowed = Allowed::once(&[
    id::AUTHENTICATION_METHOD,
    id::AUTHENTICATION_DATA,
    id::REASON_TEXT,
]);
