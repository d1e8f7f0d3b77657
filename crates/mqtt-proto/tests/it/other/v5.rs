//! MQTT 5 by the other codec.

use mqtt_protocol_core::mqtt::packet as other;
use other::{Qos, SubEntry, SubOpts, v5_0 as v5};
use spica_mqtt_proto::*;

use super::{Failed, properties};

pub(super) fn written(packet: &Packet<'_>) -> Result<Vec<u8>, Failed> {
    /// Those that differ in their names only.
    macro_rules! ack {
        ($name:ident, $of:expr) => {{
            let ack = v5::$name::builder().packet_id($of.packet_id.get());
            let is_plain = $of.properties == AckProperties::default();
            let ack = match $of.reason {
                Reason::Success if is_plain => ack,
                reason => ack.reason_code(reason.code().try_into()?),
            };
            let ack = match is_plain {
                true => ack,
                false => ack.props(properties::ack(&$of.properties)?),
            };
            ack.build()?.to_continuous_buffer()
        }};
    }
    macro_rules! answer {
        ($name:ident, $of:expr) => {{
            let codes = $of.reasons.iter().map(|reason| reason.code().try_into());
            v5::$name::builder()
                .packet_id($of.packet_id.get())
                .props(properties::ack(&$of.properties)?)
                .reason_codes(codes.collect::<Result<Vec<_>, _>>()?)
                .build()?
                .to_continuous_buffer()
        }};
    }
    Ok(match packet {
        Packet::Connect(of) => connect(of)?,
        Packet::ConnAck(of) => v5::Connack::builder()
            .session_present(of.session_present)
            .reason_code(of.reason.code().try_into()?)
            .props(properties::connack(&of.properties)?)
            .build()?
            .to_continuous_buffer(),
        Packet::Publish(of) => publish(of)?,
        Packet::PubAck(of) => ack!(Puback, of),
        Packet::PubRec(of) => ack!(Pubrec, of),
        Packet::PubRel(of) => ack!(Pubrel, of),
        Packet::PubComp(of) => ack!(Pubcomp, of),
        Packet::Subscribe(of) => subscribe(of)?,
        Packet::SubAck(of) => answer!(Suback, of),
        Packet::Unsubscribe(of) => v5::Unsubscribe::builder()
            .packet_id(of.packet_id.get())
            .props(properties::unsubscribe(of.user)?)
            .entries(of.filters.iter())?
            .build()?
            .to_continuous_buffer(),
        Packet::UnsubAck(of) => answer!(Unsuback, of),
        Packet::PingReq => v5::Pingreq::builder().build()?.to_continuous_buffer(),
        Packet::PingResp => v5::Pingresp::builder().build()?.to_continuous_buffer(),
        Packet::Disconnect(of) => disconnect(of)?,
        Packet::Auth(of) => v5::Auth::builder()
            .reason_code(of.reason.code().try_into()?)
            .props(properties::auth(&of.properties)?)
            .build()?
            .to_continuous_buffer(),
    })
}

fn connect(of: &Connect<'_>) -> Result<Vec<u8>, Failed> {
    let mut connect = v5::Connect::builder()
        .client_id(of.client_id)?
        .clean_start(of.clean_start)
        .keep_alive(of.keep_alive)
        .props(properties::connect(&of.properties)?);
    if let Some(will) = &of.will {
        let qos = Qos::try_from(will.qos as u8)?;
        connect = connect
            .will_message(will.topic, will.payload.to_vec(), qos, will.retain)?
            .will_props(properties::will(&will.properties)?);
    }
    if let Some(user) = of.user {
        connect = connect.user_name(user)?;
    }
    if let Some(password) = of.password {
        connect = connect.password(password.0.to_vec())?;
    }
    Ok(connect.build()?.to_continuous_buffer())
}

fn publish(of: &Publish<'_>) -> Result<Vec<u8>, Failed> {
    let mut publish = v5::Publish::builder()
        .topic_name(of.topic)?
        .qos(Qos::try_from(of.qos as u8)?)
        .dup(of.dup)
        .retain(of.retain)
        .props(properties::publish(&of.properties)?)
        .payload(of.payload);
    if let Some(id) = of.packet_id {
        publish = publish.packet_id(id.get());
    }
    Ok(publish.build()?.to_continuous_buffer())
}

fn subscribe(of: &Subscribe<'_>) -> Result<Vec<u8>, Failed> {
    let entry = |(filter, options): (&str, SubscribeOptions)| -> Result<SubEntry, Failed> {
        let handling = other::RetainHandling::try_from(options.retain_handling as u8)?;
        let theirs = SubOpts::new()
            .set_qos(Qos::try_from(options.qos as u8)?)
            .set_nl(options.no_local)
            .set_rap(options.retain_as_published)
            .set_rh(handling);
        Ok(SubEntry::new(filter, theirs)?)
    };
    let entries = of.filters.iter().map(entry);
    let subscribe = v5::Subscribe::builder()
        .packet_id(of.packet_id.get())
        .props(properties::subscribe(&of.properties)?)
        .entries(entries.collect::<Result<Vec<_>, _>>()?)
        .build()?;
    Ok(subscribe.to_continuous_buffer())
}

fn disconnect(of: &Disconnect<'_>) -> Result<Vec<u8>, Failed> {
    let is_plain = of.properties == DisconnectProperties::default();
    let mut disconnect = v5::Disconnect::builder();
    if !is_plain || of.reason != Reason::Success {
        disconnect = disconnect.reason_code(of.reason.code().try_into()?);
    }
    if !is_plain {
        disconnect = disconnect.props(properties::disconnect(&of.properties)?);
    }
    Ok(disconnect.build()?.to_continuous_buffer())
}

pub(super) fn read_and_written(first: u8, body: &[u8]) -> Result<Vec<u8>, Failed> {
    Ok(match first >> 4 {
        1 => v5::Connect::parse(body)?.0.to_continuous_buffer(),
        2 => v5::Connack::parse(body)?.0.to_continuous_buffer(),
        3 => v5::Publish::parse(first & 15, body.into())?
            .0
            .to_continuous_buffer(),
        4 => v5::Puback::parse(body)?.0.to_continuous_buffer(),
        5 => v5::Pubrec::parse(body)?.0.to_continuous_buffer(),
        6 => v5::Pubrel::parse(body)?.0.to_continuous_buffer(),
        7 => v5::Pubcomp::parse(body)?.0.to_continuous_buffer(),
        8 => v5::Subscribe::parse(body)?.0.to_continuous_buffer(),
        9 => v5::Suback::parse(body)?.0.to_continuous_buffer(),
        10 => v5::Unsubscribe::parse(body)?.0.to_continuous_buffer(),
        11 => v5::Unsuback::parse(body)?.0.to_continuous_buffer(),
        12 => v5::Pingreq::parse(body)?.0.to_continuous_buffer(),
        13 => v5::Pingresp::parse(body)?.0.to_continuous_buffer(),
        14 => v5::Disconnect::parse(body)?.0.to_continuous_buffer(),
        _ => v5::Auth::parse(body)?.0.to_continuous_buffer(),
    })
}
