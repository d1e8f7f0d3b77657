//! Writes one value after the other, in either encoding, into bytes that grow.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::Value;

use crate::Encoding;
use crate::cbor::{NULL, major};

/// Whole numbers up to here are exact in 64-bit floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A writer of one value: an array, a map or a scalar.
pub(crate) struct Writer<'a> {
    encoding: Encoding,
    out: &'a mut Vec<u8>,
    /// Whether what comes next needs no comma before it (JSON).
    fresh: bool,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(encoding: Encoding, out: &'a mut Vec<u8>) -> Self {
        Self {
            encoding,
            out,
            fresh: true,
        }
    }

    /// Begins an array of `len` items.
    pub(crate) fn array(&mut self, len: usize) {
        self.open(b'[', major::ARRAY, len);
    }

    pub(crate) fn end_array(&mut self) {
        self.close(b']');
    }

    /// Begins a map of `len` entries: a [`Self::key`] and a value for each.
    pub(crate) fn map(&mut self, len: usize) {
        self.open(b'{', major::MAP, len);
    }

    pub(crate) fn end_map(&mut self) {
        self.close(b'}');
    }

    pub(crate) fn key(&mut self, key: &str) {
        self.text(key);
        if self.encoding == Encoding::Json {
            self.out.push(b':');
            self.fresh = true;
        }
    }

    pub(crate) fn u64(&mut self, number: u64) {
        match self.encoding {
            Encoding::Json => self.json(&number),
            Encoding::Cbor => self.head(major::UNSIGNED, number),
        }
    }

    pub(crate) fn i64(&mut self, number: i64) {
        match (self.encoding, u64::try_from(number)) {
            (Encoding::Json, _) => self.json(&number),
            (Encoding::Cbor, Ok(natural)) => self.head(major::UNSIGNED, natural),
            // CBOR writes -1 - n, which is n with all bits turned.
            (Encoding::Cbor, Err(_)) => self.head(major::NEGATIVE, !number.cast_unsigned()),
        }
    }

    /// A number; a whole one as such, and what is no number as null.
    pub(crate) fn f64(&mut self, number: f64) {
        if !number.is_finite() {
            return self.null();
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is compared")]
        let whole = number as i64;
        // Bit by bit, for minus zero is no whole number.
        if number.abs() < EXACT && (whole as f64).to_bits() == number.to_bits() {
            return self.i64(whole);
        }
        self.float(number);
    }

    pub(crate) fn bool(&mut self, truth: bool) {
        match self.encoding {
            Encoding::Json => self.json(&truth),
            Encoding::Cbor => self.out.push(0xf4 + u8::from(truth)),
        }
    }

    pub(crate) fn null(&mut self) {
        match self.encoding {
            Encoding::Json => self.json(&()),
            Encoding::Cbor => self.out.push(NULL),
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        match self.encoding {
            Encoding::Json => {
                self.comma();
                quoted(text, self.out);
            }
            Encoding::Cbor => {
                self.head(major::TEXT, text.len() as u64);
                self.out.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// Bytes; in JSON as base64.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        match self.encoding {
            Encoding::Json => {
                self.comma();
                base64_quoted(bytes, self.out);
            }
            Encoding::Cbor => {
                self.head(major::BYTES, bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
        }
    }

    /// Sound JSON: in JSON the value itself on one line, in CBOR its text.
    pub(crate) fn json_text(&mut self, json: &str) {
        match self.encoding {
            Encoding::Json => {
                self.comma();
                one_line(json, self.out);
            }
            Encoding::Cbor => self.text(json),
        }
    }

    /// A JSON value in the form of the encoding.
    pub(crate) fn value(&mut self, value: &Value) {
        match (self.encoding, value) {
            (Encoding::Json, value) => self.json(value),
            (_, Value::Null) => self.null(),
            (_, Value::Bool(truth)) => self.bool(*truth),
            (_, Value::Number(number)) => self.number(number),
            (_, Value::String(text)) => self.text(text),
            (_, Value::Array(items)) => {
                self.array(items.len());
                items.iter().for_each(|item| self.value(item));
            }
            (_, Value::Object(entries)) => {
                self.map(entries.len());
                for (key, value) in entries {
                    self.key(key);
                    self.value(value);
                }
            }
        }
    }

    fn number(&mut self, number: &serde_json::Number) {
        match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(natural), ..) => self.u64(natural),
            (_, Some(whole), _) => self.i64(whole),
            (.., Some(float)) => self.float(float),
            _ => self.null(),
        }
    }

    fn float(&mut self, number: f64) {
        match self.encoding {
            Encoding::Json => self.json(&number),
            Encoding::Cbor => {
                self.out.push(0xfb);
                self.out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    fn open(&mut self, bracket: u8, major: u8, len: usize) {
        match self.encoding {
            Encoding::Json => {
                self.comma();
                self.out.push(bracket);
                self.fresh = true;
            }
            Encoding::Cbor => self.head(major, len as u64),
        }
    }

    fn close(&mut self, bracket: u8) {
        if self.encoding == Encoding::Json {
            self.out.push(bracket);
            self.fresh = false;
        }
    }

    fn comma(&mut self) {
        if !self.fresh {
            self.out.push(b',');
        }
        self.fresh = false;
    }

    /// What JSON writes without a line break: all but payloads.
    fn json(&mut self, value: &impl Serialize) {
        self.comma();
        // Memory takes everything, and what is given here has only text as keys.
        let _ = serde_json::to_writer(&mut *self.out, value);
    }

    fn head(&mut self, major: u8, number: u64) {
        cbor_head(major, number, self.out);
    }
}

/// The first bytes of a CBOR item, as short as they can be.
fn cbor_head(major: u8, number: u64, out: &mut Vec<u8>) {
    let [.., b4, b5, b6, b7] = number.to_be_bytes();
    let major = major << 5;
    match number {
        0..=23 => out.push(major | b7),
        24..=0xff => out.extend_from_slice(&[major | 24, b7]),
        0x100..=0xffff => out.extend_from_slice(&[major | 25, b6, b7]),
        0x1_0000..=0xffff_ffff => out.extend_from_slice(&[major | 26, b4, b5, b6, b7]),
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// The head of a CBOR array, for arrays whose items are written elsewhere.
pub(crate) fn cbor_array(len: usize, out: &mut Vec<u8>) {
    cbor_head(major::ARRAY, len as u64, out);
}

/// A JSON string. Runs without anything to escape are copied whole.
pub(crate) fn quoted(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let plain = *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
        if plain {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        escaped(*byte, out);
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

fn escaped(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn base64_quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    // Four characters for each three bytes or part of them.
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = BASE64.encode_slice(bytes, &mut out[start..]);
    out.truncate(start + written.unwrap_or_default());
    out.push(b'"');
}

/// JSON without line breaks, as server-sent events need it. Between tokens a line break may be left
/// out, and within a string a raw one is not allowed: so leaving all of them out changes nothing
/// else, not even a number's digits.
fn one_line(json: &str, out: &mut Vec<u8>) {
    let json = json.trim_matches([' ', '\t', '\n', '\r']);
    for run in json.split(['\n', '\r']) {
        out.extend_from_slice(run.as_bytes());
    }
}
