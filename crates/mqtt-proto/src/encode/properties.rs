//! Writes sections of properties.

use crate::property as id;
use crate::write::{self, Count, Sink, VARINT_MAX, binary, text};
use crate::{
    AckProperties, AuthProperties, ConnAckProperties, ConnectProperties, DisconnectProperties,
    EncodeError, PublishProperties, QoS, Sensitive, SubscribeProperties, UserProperties,
    WillProperties, check_topic_name,
};

pub(super) type Written = Result<(), EncodeError>;

/// What is written with its length before it.
pub(super) trait Section {
    fn write(&self, sink: &mut impl Sink) -> Written;

    fn bytes(&self) -> Result<usize, EncodeError> {
        let mut count = Count::default();
        self.write(&mut count)?;
        Ok(count.0)
    }
}

/// Writes a section, and its length.
#[inline]
pub(super) fn section<S: Sink>(sink: &mut S, of: &impl Section) -> Written {
    let bytes = of.bytes()?;
    write::varint(sink, length(bytes)?);
    if S::COUNTS {
        sink.skip(bytes);
        return Ok(());
    }
    match bytes {
        0 => Ok(()),
        _ => of.write(sink),
    }
}

/// A length as MQTT can say it.
pub(super) fn length(bytes: usize) -> Result<u32, EncodeError> {
    let limit = VARINT_MAX as usize;
    match u32::try_from(bytes) {
        Ok(length) if length <= VARINT_MAX => Ok(length),
        _ => Err(EncodeError::TooLarge { bytes, limit }),
    }
}

fn put_flag(sink: &mut impl Sink, id: u8, flag: Option<bool>) {
    if let Some(flag) = flag {
        sink.put(&[id, flag.into()]);
    }
}

fn put_short(sink: &mut impl Sink, id: u8, number: Option<u16>) {
    if let Some(number) = number {
        sink.byte(id);
        sink.short(number);
    }
}

fn put_word(sink: &mut impl Sink, id: u8, number: Option<u32>) {
    if let Some(number) = number {
        sink.byte(id);
        sink.word(number);
    }
}

fn put_text(sink: &mut impl Sink, id: u8, value: Option<&str>) -> Written {
    let Some(value) = value else { return Ok(()) };
    sink.byte(id);
    text(sink, value)
}

fn put_binary(sink: &mut impl Sink, id: u8, value: Option<&[u8]>) -> Written {
    let Some(value) = value else { return Ok(()) };
    sink.byte(id);
    binary(sink, value)
}

fn put_response_topic(sink: &mut impl Sink, topic: Option<&str>) -> Written {
    if topic.is_some_and(|topic| check_topic_name(topic).is_err()) {
        let what = "a response topic that is none";
        return Err(EncodeError::Contradiction(what));
    }
    put_text(sink, id::RESPONSE_TOPIC, topic)
}

fn put_authentication(
    sink: &mut impl Sink,
    method: Option<&str>,
    data: Option<Sensitive<'_>>,
) -> Written {
    put_text(sink, id::AUTHENTICATION_METHOD, method)?;
    put_binary(sink, id::AUTHENTICATION_DATA, data.map(|data| data.0))
}

fn put_user(sink: &mut impl Sink, user: UserProperties<'_>) {
    user.entries().for_each(|pair| sink.put(pair));
}

impl Section for UserProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        put_user(sink, *self);
        Ok(())
    }
}

impl Section for ConnectProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        if self.authentication_data.is_some() && self.authentication_method.is_none() {
            let what = "authentication data without a method";
            return Err(EncodeError::Contradiction(what));
        }
        put_word(sink, id::SESSION_EXPIRY, self.session_expiry);
        let receive_maximum = self.receive_maximum.map(u16::from);
        put_short(sink, id::RECEIVE_MAXIMUM, receive_maximum);
        put_word(sink, id::PACKET_MAXIMUM, self.packet_maximum.map(u32::from));
        put_short(sink, id::TOPIC_ALIAS_MAXIMUM, self.topic_alias_maximum);
        put_flag(
            sink,
            id::REQUEST_RESPONSE,
            self.request_response_information,
        );
        put_flag(sink, id::REQUEST_PROBLEM, self.request_problem_information);
        put_authentication(sink, self.authentication_method, self.authentication_data)?;
        put_user(sink, self.user);
        Ok(())
    }
}

impl Section for WillProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        put_word(sink, id::WILL_DELAY, self.delay);
        put_flag(sink, id::PAYLOAD_FORMAT, self.payload_is_utf8);
        put_word(sink, id::MESSAGE_EXPIRY, self.expiry);
        put_text(sink, id::CONTENT_TYPE, self.content_type)?;
        put_response_topic(sink, self.response_topic)?;
        put_binary(sink, id::CORRELATION, self.correlation)?;
        put_user(sink, self.user);
        Ok(())
    }
}

impl Section for ConnAckProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        put_word(sink, id::SESSION_EXPIRY, self.session_expiry);
        let receive_maximum = self.receive_maximum.map(u16::from);
        put_short(sink, id::RECEIVE_MAXIMUM, receive_maximum);
        // The best needs no word, and has none.
        let qos_maximum = self.qos_maximum.filter(|qos| *qos != QoS::ExactlyOnce);
        let qos_maximum = qos_maximum.map(|qos| qos == QoS::AtLeastOnce);
        put_flag(sink, id::QOS_MAXIMUM, qos_maximum);
        put_flag(sink, id::RETAIN_AVAILABLE, self.retain_available);
        put_word(sink, id::PACKET_MAXIMUM, self.packet_maximum.map(u32::from));
        put_text(sink, id::ASSIGNED_CLIENT_ID, self.assigned_client_id)?;
        put_short(sink, id::TOPIC_ALIAS_MAXIMUM, self.topic_alias_maximum);
        put_text(sink, id::REASON_TEXT, self.reason_text)?;
        put_flag(sink, id::WILDCARDS_AVAILABLE, self.wildcards_available);
        let subscription_ids = self.subscription_ids_available;
        put_flag(sink, id::SUBSCRIPTION_IDS_AVAILABLE, subscription_ids);
        put_flag(sink, id::SHARED_AVAILABLE, self.shared_available);
        put_short(sink, id::SERVER_KEEP_ALIVE, self.server_keep_alive);
        put_text(sink, id::RESPONSE_INFORMATION, self.response_information)?;
        put_text(sink, id::SERVER_REFERENCE, self.server_reference)?;
        put_authentication(sink, self.authentication_method, self.authentication_data)?;
        put_user(sink, self.user);
        Ok(())
    }
}

impl Section for PublishProperties<'_> {
    #[inline]
    fn write(&self, sink: &mut impl Sink) -> Written {
        if self.alias == Some(0) {
            return Err(EncodeError::Contradiction("the topic alias 0"));
        }
        put_flag(sink, id::PAYLOAD_FORMAT, self.payload_is_utf8);
        put_word(sink, id::MESSAGE_EXPIRY, self.expiry);
        put_short(sink, id::TOPIC_ALIAS, self.alias);
        put_response_topic(sink, self.response_topic)?;
        put_binary(sink, id::CORRELATION, self.correlation)?;
        if !self.user.is_empty() {
            put_user(sink, self.user);
        }
        if !self.subscription_ids.is_empty() {
            let ids = self.subscription_ids.entries();
            ids.for_each(|entry| sink.put(entry));
        }
        put_text(sink, id::CONTENT_TYPE, self.content_type)
    }
}

impl Section for AckProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        put_text(sink, id::REASON_TEXT, self.reason_text)?;
        put_user(sink, self.user);
        Ok(())
    }
}

impl Section for SubscribeProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        if let Some(number) = self.subscription_id {
            if number == 0 || number > VARINT_MAX {
                let what = "a subscription identifier is 1 to 268,435,455";
                return Err(EncodeError::Contradiction(what));
            }
            sink.byte(id::SUBSCRIPTION_ID);
            write::varint(sink, number);
        }
        put_user(sink, self.user);
        Ok(())
    }
}

impl Section for DisconnectProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        put_word(sink, id::SESSION_EXPIRY, self.session_expiry);
        put_text(sink, id::REASON_TEXT, self.reason_text)?;
        put_user(sink, self.user);
        put_text(sink, id::SERVER_REFERENCE, self.server_reference)
    }
}

impl Section for AuthProperties<'_> {
    fn write(&self, sink: &mut impl Sink) -> Written {
        put_authentication(sink, self.method, self.data)?;
        put_text(sink, id::REASON_TEXT, self.reason_text)?;
        put_user(sink, self.user);
        Ok(())
    }
}
