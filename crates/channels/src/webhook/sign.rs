//! The signature of a webhook.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The header with the signature, `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "x-spica-signature";
/// The header with the time that is signed, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-spica-timestamp";

/// The signature of a body that is sent at `timestamp` (the header's text): HMAC-SHA256 under `secret`
/// over the timestamp, a full stop and the body. A receiver compares it, and refuses times that are too
/// far from its own.
#[must_use]
pub fn signature(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_python_says() {
        // hmac.new(b"hush", b"1795338000." + b'{"a":1}', "sha256").hexdigest()
        let expected = "v1=5e87ba63e0bf9975574e90bd2a103a649287896b7446cfcb53735f2fa6aed15b";
        assert_eq!(signature(b"hush", "1795338000", b"{\"a\":1}"), expected);
        let long = [7; 200];
        assert_ne!(
            signature(&long, "1", b""),
            signature(&long[..199], "1", b"")
        );
    }
}
