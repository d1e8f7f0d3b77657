//! Writing frames, escaped, straight into the bytes that will be sent.

use super::{ESCAPE, FLIP, MARK};

/// Appends one frame to `out`. At most `3 + 2 × data.len()` bytes are written. The caller keeps to
/// the limits of the direction.
pub fn encode_frame(kind: u8, data: &[u8], out: &mut Vec<u8>) {
    FrameWriter::begin(kind, out).bytes(data).end();
}

/// Writes one frame field by field; numbers go least-significant byte first.
#[derive(Debug)]
#[must_use = "a frame without its closing mark swallows the next one"]
pub struct FrameWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> FrameWriter<'o> {
    /// Starts a frame of type `kind` at the end of `out`.
    pub fn begin(kind: u8, out: &'o mut Vec<u8>) -> Self {
        debug_assert!(kind != MARK && kind != ESCAPE, "no type is {kind:#04x}");
        out.extend_from_slice(&[MARK, kind]);
        Self { out }
    }

    /// Appends data bytes, escaped.
    pub fn bytes(self, mut bytes: &[u8]) -> Self {
        while let Some(at) = bytes.iter().position(|b| matches!(*b, MARK | ESCAPE)) {
            self.out.extend_from_slice(&bytes[..at]);
            self.out.extend_from_slice(&[ESCAPE, bytes[at] ^ FLIP]);
            bytes = &bytes[at + 1..];
        }
        self.out.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    /// Appends a 16-bit number.
    pub fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends a 32-bit number.
    pub fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Closes the frame.
    pub fn end(self) {
        self.out.push(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_control_bytes_are_escaped() {
        for (kind, data, wire) in [
            (0x03, &b""[..], &b"\x1e\x03\x1e"[..]),
            (0x82, b"\x1e", b"\x1e\x82\x1d\x5e\x1e"),
            (0x82, b"\x1d", b"\x1e\x82\x1d\x5d\x1e"),
            (
                0x82,
                b"\x5d\x1d\x1e\x5e\x1f\x1c",
                b"\x1e\x82\x5d\x1d\x5d\x1d\x5e\x5e\x1f\x1c\x1e",
            ),
        ] {
            let mut out = Vec::new();
            encode_frame(kind, data, &mut out);
            assert_eq!(out, wire, "{data:02x?}");
        }
    }

    #[test]
    fn the_longest_frames_are_as_long_on_the_wire_as_the_seed_says() {
        for (data, wire) in [(120, 243), (1024, 2051)] {
            let mut out = Vec::new();
            encode_frame(0x82, &vec![0x1e; data], &mut out);
            assert_eq!(out.len(), wire);
        }
    }

    #[test]
    fn numbers_go_least_significant_byte_first() {
        let mut out = Vec::new();
        FrameWriter::begin(0x41, &mut out)
            .u32(0x0102_031e)
            .u16(0x1d04)
            .u8(5)
            .end();
        assert_eq!(out, b"\x1e\x41\x1d\x5e\x03\x02\x01\x04\x1d\x5d\x05\x1e");
    }
}
