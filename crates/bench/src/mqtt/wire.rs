//! Packets of MQTT 3.1.1, made once and sent often: what is measured is the server.

/// Bytes of CONNACK, PUBACK and of what is read of a SUBACK's kind.
pub(super) const ACK_BYTES: usize = 4;
/// A good end.
pub(super) const DISCONNECT: [u8; 2] = [0xE0, 0];
/// First byte of CONNACK, of PUBACK, and of a PUBLISH of QoS 0.
pub(super) const CONNACK: u8 = 0x20;
pub(super) const PUBACK: u8 = 0x40;

/// CONNECT, with or without a session that stays.
pub(super) fn connect(id: &str, clean: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(12 + id.len());
    text(&mut body, "MQTT");
    // Level 4, clean session or not, ten minutes of silence.
    body.extend_from_slice(&[4, u8::from(clean) << 1, 2, 88]);
    text(&mut body, id);
    packet(0x10, &body)
}

/// PUBLISH of QoS 0 without, of QoS 1 with an id.
pub(super) fn publish(topic: &str, id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 + topic.len() + payload.len());
    text(&mut body, topic);
    body.extend(id.map(u16::to_be_bytes).into_iter().flatten());
    body.extend_from_slice(payload);
    packet(0x30 | u8::from(id.is_some()) << 1, &body)
}

/// SUBSCRIBE to one filter.
pub(super) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    text(&mut body, filter);
    body.push(qos);
    packet(0x82, &body)
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Ours are short.
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut rest = body.len();
    while rest > 127 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_as_the_standard_says() {
        let expected = b"\x10\x0f\x00\x04MQTT\x04\x02\x02\x58\x00\x03abc";
        assert_eq!(connect("abc", true), expected);
        assert_eq!(connect("abc", false)[9], 0);
        assert_eq!(publish("a", Some(7), b"xy"), b"\x32\x07\x00\x01a\x00\x07xy");
        let large = publish("a", None, &[0; 200]);
        assert_eq!(large[..4], [0x30, 203, 1, 0]);
        assert_eq!(subscribe("#", 1), b"\x82\x06\x00\x01\x00\x01#\x01");
    }
}
