//! MQTT 3.1.1 by the other codec.

use mqtt_protocol_core::mqtt::packet as other;
use other::{Qos, SubEntry, SubOpts, v3_1_1 as v311};
use spica_mqtt_proto::*;

use super::Failed;

pub(super) fn written(packet: &Packet<'_>) -> Result<Vec<u8>, Failed> {
    macro_rules! with_id {
        ($name:ident, $of:expr) => {
            v311::$name::builder()
                .packet_id($of.packet_id.get())
                .build()?
                .to_continuous_buffer()
        };
    }
    Ok(match packet {
        Packet::Connect(of) => connect(of)?,
        Packet::ConnAck(of) => v311::Connack::builder()
            .session_present(of.session_present)
            .return_code(of.reason.connack_v3().unwrap().try_into()?)
            .build()?
            .to_continuous_buffer(),
        Packet::Publish(of) => publish(of)?,
        Packet::PubAck(of) => with_id!(Puback, of),
        Packet::PubRec(of) => with_id!(Pubrec, of),
        Packet::PubRel(of) => with_id!(Pubrel, of),
        Packet::PubComp(of) => with_id!(Pubcomp, of),
        Packet::Subscribe(of) => subscribe(of)?,
        Packet::SubAck(of) => {
            let codes = of.reasons.iter().map(|reason| reason.code().try_into());
            v311::Suback::builder()
                .packet_id(of.packet_id.get())
                .return_codes(codes.collect::<Result<Vec<_>, _>>()?)
                .build()?
                .to_continuous_buffer()
        }
        Packet::Unsubscribe(of) => v311::Unsubscribe::builder()
            .packet_id(of.packet_id.get())
            .entries(of.filters.iter())?
            .build()?
            .to_continuous_buffer(),
        Packet::UnsubAck(of) => with_id!(Unsuback, of),
        Packet::PingReq => v311::Pingreq::builder().build()?.to_continuous_buffer(),
        Packet::PingResp => v311::Pingresp::builder().build()?.to_continuous_buffer(),
        Packet::Disconnect(_) => v311::Disconnect::builder().build()?.to_continuous_buffer(),
        Packet::Auth(_) => return Err("MQTT 3.1.1 has no AUTH".into()),
    })
}

fn connect(of: &Connect<'_>) -> Result<Vec<u8>, Failed> {
    let mut connect = v311::Connect::builder()
        .client_id(of.client_id)?
        .clean_session(of.clean_start)
        .keep_alive(of.keep_alive);
    if let Some(will) = &of.will {
        let qos = Qos::try_from(will.qos as u8)?;
        connect = connect.will_message(will.topic, will.payload.to_vec(), qos, will.retain)?;
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
    let mut publish = v311::Publish::builder()
        .topic_name(of.topic)?
        .qos(Qos::try_from(of.qos as u8)?)
        .dup(of.dup)
        .retain(of.retain)
        .payload(of.payload);
    if let Some(id) = of.packet_id {
        publish = publish.packet_id(id.get());
    }
    Ok(publish.build()?.to_continuous_buffer())
}

fn subscribe(of: &Subscribe<'_>) -> Result<Vec<u8>, Failed> {
    let entry = |(filter, options): (&str, SubscribeOptions)| -> Result<SubEntry, Failed> {
        let theirs = SubOpts::new().set_qos(Qos::try_from(options.qos as u8)?);
        Ok(SubEntry::new(filter, theirs)?)
    };
    let entries = of.filters.iter().map(entry);
    let subscribe = v311::Subscribe::builder()
        .packet_id(of.packet_id.get())
        .entries(entries.collect::<Result<Vec<_>, _>>()?)
        .build()?;
    Ok(subscribe.to_continuous_buffer())
}

pub(super) fn read_and_written(first: u8, body: &[u8]) -> Result<Vec<u8>, Failed> {
    Ok(match first >> 4 {
        1 => v311::Connect::parse(body)?.0.to_continuous_buffer(),
        2 => v311::Connack::parse(body)?.0.to_continuous_buffer(),
        3 => v311::Publish::parse(first & 15, body.into())?
            .0
            .to_continuous_buffer(),
        4 => v311::Puback::parse(body)?.0.to_continuous_buffer(),
        5 => v311::Pubrec::parse(body)?.0.to_continuous_buffer(),
        6 => v311::Pubrel::parse(body)?.0.to_continuous_buffer(),
        7 => v311::Pubcomp::parse(body)?.0.to_continuous_buffer(),
        8 => v311::Subscribe::parse(body)?.0.to_continuous_buffer(),
        9 => v311::Suback::parse(body)?.0.to_continuous_buffer(),
        10 => v311::Unsubscribe::parse(body)?.0.to_continuous_buffer(),
        11 => v311::Unsuback::parse(body)?.0.to_continuous_buffer(),
        12 => v311::Pingreq::parse(body)?.0.to_continuous_buffer(),
        13 => v311::Pingresp::parse(body)?.0.to_continuous_buffer(),
        _ => v311::Disconnect::parse(body)?.0.to_continuous_buffer(),
    })
}
