//! Properties as the other codec wants them, in the order in which ours writes them.

use mqtt_protocol_core::mqtt::packet as other;
use other::{Properties, Property};
use spica_mqtt_proto::*;

use super::Failed;

macro_rules! push {
    ($into:ident, $($value:expr => $name:ident),* $(,)?) => {
        $(if let Some(value) = $value {
            $into.push(Property::$name(other::$name::new(value)?));
        })*
    };
}

fn user(into: &mut Properties, user: UserProperties<'_>) -> Result<(), Failed> {
    for (name, value) in user.iter() {
        let pair = other::UserProperty::new(name, value)?;
        into.push(Property::UserProperty(pair));
    }
    Ok(())
}

const fn format(is_utf8: bool) -> other::PayloadFormat {
    match is_utf8 {
        true => other::PayloadFormat::String,
        false => other::PayloadFormat::Binary,
    }
}

pub(super) fn connect(of: &ConnectProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into,
        of.session_expiry => SessionExpiryInterval,
        of.receive_maximum.map(u16::from) => ReceiveMaximum,
        of.packet_maximum.map(u32::from) => MaximumPacketSize,
        of.topic_alias_maximum => TopicAliasMaximum,
        of.request_response_information.map(u8::from) => RequestResponseInformation,
        of.request_problem_information.map(u8::from) => RequestProblemInformation,
        of.authentication_method => AuthenticationMethod,
        of.authentication_data.map(|data| data.0.to_vec()) => AuthenticationData,
    );
    user(&mut into, of.user)?;
    Ok(into)
}

pub(super) fn will(of: &WillProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into,
        of.delay => WillDelayInterval,
        of.payload_is_utf8.map(format) => PayloadFormatIndicator,
        of.expiry => MessageExpiryInterval,
        of.content_type => ContentType,
        of.response_topic => ResponseTopic,
        of.correlation.map(<[u8]>::to_vec) => CorrelationData,
    );
    user(&mut into, of.user)?;
    Ok(into)
}

pub(super) fn connack(of: &ConnAckProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into,
        of.session_expiry => SessionExpiryInterval,
        of.receive_maximum.map(u16::from) => ReceiveMaximum,
        of.qos_maximum.map(|qos| qos as u8) => MaximumQos,
        of.retain_available.map(u8::from) => RetainAvailable,
        of.packet_maximum.map(u32::from) => MaximumPacketSize,
        of.assigned_client_id => AssignedClientIdentifier,
        of.topic_alias_maximum => TopicAliasMaximum,
        of.reason_text => ReasonString,
        of.wildcards_available.map(u8::from) => WildcardSubscriptionAvailable,
        of.subscription_ids_available.map(u8::from) => SubscriptionIdentifierAvailable,
        of.shared_available.map(u8::from) => SharedSubscriptionAvailable,
        of.server_keep_alive => ServerKeepAlive,
        of.response_information => ResponseInformation,
        of.server_reference => ServerReference,
        of.authentication_method => AuthenticationMethod,
        of.authentication_data.map(|data| data.0.to_vec()) => AuthenticationData,
    );
    user(&mut into, of.user)?;
    Ok(into)
}

pub(super) fn publish(of: &PublishProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into,
        of.payload_is_utf8.map(format) => PayloadFormatIndicator,
        of.expiry => MessageExpiryInterval,
        of.alias => TopicAlias,
        of.response_topic => ResponseTopic,
        of.correlation.map(<[u8]>::to_vec) => CorrelationData,
    );
    user(&mut into, of.user)?;
    for id in of.subscription_ids.iter() {
        push!(into, Some(id) => SubscriptionIdentifier);
    }
    push!(into, of.content_type => ContentType);
    Ok(into)
}

pub(super) fn ack(of: &AckProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into, of.reason_text => ReasonString);
    user(&mut into, of.user)?;
    Ok(into)
}

pub(super) fn subscribe(of: &SubscribeProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into, of.subscription_id => SubscriptionIdentifier);
    user(&mut into, of.user)?;
    Ok(into)
}

pub(super) fn unsubscribe(of: UserProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    user(&mut into, of)?;
    Ok(into)
}

pub(super) fn disconnect(of: &DisconnectProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into, of.session_expiry => SessionExpiryInterval, of.reason_text => ReasonString);
    user(&mut into, of.user)?;
    push!(into, of.server_reference => ServerReference);
    Ok(into)
}

pub(super) fn auth(of: &AuthProperties<'_>) -> Result<Properties, Failed> {
    let mut into = Properties::new();
    push!(into,
        of.method => AuthenticationMethod,
        of.data.map(|data| data.0.to_vec()) => AuthenticationData,
        of.reason_text => ReasonString,
    );
    user(&mut into, of.user)?;
    Ok(into)
}
