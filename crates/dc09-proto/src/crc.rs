//! The check of a frame.

/// CRC-16 with the reflected polynomial 0xA001, beginning at 0.
///
/// Bit by bit: a frame has at most 4095 bytes, so a table would gain nothing that anyone measures.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xA001
            } else {
                shifted
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::crc16;

    /// Bodies and checks as other implementations put them on the wire.
    #[test]
    fn checks_are_those_that_others_compute() {
        for (body, crc) in [
            ("", 0),
            // The value that catalogues of CRCs give for this polynomial.
            ("123456789", 0xBB3D),
            (r#""SIA-DCS"0001L0#1234[]"#, 0x96ED),
            (r##""SIA-DCS"0001RF3L77#1234[#1234|NRR|Atest]"##, 0xF4D2),
            (r#""NAK"0000R0L0A0[]_16:20:01,09-24-2025"#, 0xE441),
            (r#""ACK"1665L0#0000[]"#, 0x5BAD),
        ] {
            assert_eq!(crc16(body.as_bytes()), crc, "{body}");
        }
    }
}
