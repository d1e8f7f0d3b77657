//! What packets cost on one core: `cargo run --release -p spica-mqtt-proto --example packets`.
//! One line of JSON, all numbers but sizes in nanoseconds.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement for the terminal: it prints, and it reads the clock"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spica_mqtt_proto::{
    AckKind, Connect, ConnectProperties, EncodeError, Filters, Limits, Packet, PacketId, Publish,
    PublishProperties, QoS, Reason, Sensitive, Side, Subscribe, SubscribeOptions,
    SubscribeProperties, UserProperties, Version, decode, encode_ack, encode_publish,
    encode_publish_head,
};

/// How often, and how long each time, one thing is measured.
const ROUNDS: u32 = 100;
const ROUND: Duration = Duration::from_millis(3);

/// Nanoseconds that one `work` takes, in the best round: others may use the machine.
fn nanos(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut done = 0_u32;
        while start.elapsed() < ROUND {
            (0..200).for_each(|_| work());
            done += 200;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(done));
    }
    (best * 10.0).round() / 10.0
}

/// What it costs to read and to write a packet.
fn measure(packet: &Packet<'_>, version: Version) -> Result<Value, EncodeError> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes)?;
    let limits = Limits::default();
    let decoded = nanos(|| {
        let _ = black_box(decode(black_box(&bytes), Side::Server, version, &limits));
    });
    let mut out = Vec::with_capacity(4_096);
    let encoded = nanos(|| {
        out.clear();
        let _ = black_box(black_box(packet).encode(version, &mut out));
    });
    Ok(json!({ "bytes": bytes.len(), "decode": decoded, "encode": encoded }))
}

/// What it costs to write a publish alone, from a shared encoding, and without the payload.
fn shared(publish: &Publish<'_>) -> Result<Value, EncodeError> {
    let mut out = Vec::with_capacity(4_096);
    let whole = nanos(|| {
        out.clear();
        let _ = black_box(encode_publish(black_box(publish), Version::V5, &mut out));
    });
    let head = nanos(|| {
        out.clear();
        let _ = black_box(encode_publish_head(
            black_box(publish),
            Version::V5,
            &mut out,
        ));
    });
    let mut shared = Vec::new();
    let stamp = encode_publish(publish, Version::V5, &mut shared)?;
    let stamped = nanos(|| {
        out.clear();
        out.extend_from_slice(black_box(&shared));
        stamp.apply(black_box(&mut out), false, PacketId::MAX);
    });
    let ack = nanos(|| {
        out.clear();
        encode_ack(
            AckKind::PubAck,
            black_box(PacketId::MAX),
            Reason::Success,
            Version::V5,
            black_box(&mut out),
        );
    });
    Ok(json!({ "whole": whole, "head": head, "stamped": stamped, "puback": ack }))
}

fn main() -> Result<(), EncodeError> {
    let payload = [b'x'; 128];
    let mut user = Vec::new();
    UserProperties::push(&mut user, "line", "4")?;
    UserProperties::push(&mut user, "shift", "night")?;
    let plain = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "site/line4/pump12/telemetry",
        packet_id: Some(PacketId::MIN),
        properties: PublishProperties::default(),
        payload: &payload,
    };
    let rich = Publish {
        properties: PublishProperties {
            payload_is_utf8: Some(true),
            expiry: Some(3_600),
            response_topic: Some("site/line4/answers"),
            content_type: Some("application/json"),
            user: UserProperties::of(&user),
            ..PublishProperties::default()
        },
        ..plain
    };
    let connect = Connect {
        version: Version::V5,
        clean_start: false,
        keep_alive: 60,
        properties: ConnectProperties {
            session_expiry: Some(3_600),
            ..ConnectProperties::default()
        },
        client_id: "pump12",
        will: None,
        user: Some("device"),
        password: Some(Sensitive(b"sesame")),
    };
    let mut filters = Vec::new();
    Filters::push(&mut filters, "site/+/pump12/#", SubscribeOptions::default())?;
    let subscribe = Subscribe {
        packet_id: PacketId::MIN,
        properties: SubscribeProperties::default(),
        filters: Filters::of(&filters),
    };
    println!(
        "{}",
        json!({
            "publish_v311": measure(&Packet::Publish(plain), Version::V311)?,
            "publish_v5": measure(&Packet::Publish(plain), Version::V5)?,
            "publish_v5_with_properties": measure(&Packet::Publish(rich), Version::V5)?,
            "connect_v5": measure(&Packet::Connect(connect), Version::V5)?,
            "subscribe_v5": measure(&Packet::Subscribe(subscribe), Version::V5)?,
            "shared": shared(&plain)?,
            "packet_bytes_in_memory": size_of::<Packet<'_>>(),
        })
    );
    Ok(())
}
