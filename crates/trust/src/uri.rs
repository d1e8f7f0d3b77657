//! The URI that names a node in its certificate: `spica://node/<path>[?side=primary|backup]`.
//!
//! `node` leaves room for names of another kind (a device, a person), which must never pass for a node.
//! Every byte of the path but letters, digits, `-._~` and `/` is written as `%` and two capital
//! hexadecimal digits. There is one way to write a name, and no other is read: two texts that differ are
//! two nodes for everybody who compares them.

use std::fmt::Write;

use bytes::Bytes;
use spica_model::Topic;

use crate::identity::NodeIdentity;

const SCHEME: &str = "spica:";
const NODE: &str = "spica://node/";
const SIDE: &str = "side=";

/// Whether a URI is one of Spica's names, of whatever kind.
pub(crate) fn is_ours(uri: &str) -> bool {
    uri.get(..SCHEME.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// Writes the name of a node.
pub(crate) fn write(identity: &NodeIdentity) -> String {
    let mut uri = NODE.to_owned();
    for &byte in identity.node.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    if let Some(side) = identity.side {
        uri.push('?');
        uri.push_str(SIDE);
        uri.push_str(side.as_str());
    }
    uri
}

/// Reads the name of a node; the error says what is wrong with it.
pub(crate) fn read(uri: &str) -> Result<NodeIdentity, String> {
    let rest = uri
        .strip_prefix(NODE)
        .ok_or_else(|| format!("it does not begin with {NODE}"))?;
    let (path, query) = match rest.split_once('?') {
        None => (rest, None),
        Some((path, query)) => (path, Some(query)),
    };
    let side = query
        .map(|query| {
            let side = query
                .strip_prefix(SIDE)
                .ok_or("behind the ? only side=… is known")?;
            side.parse().map_err(|error| format!("{error}"))
        })
        .transpose()?;
    let bytes = decode(path).ok_or("a % without two hexadecimal digits")?;
    let node = Topic::from_bytes(Bytes::from(bytes)).map_err(|error| error.to_string())?;
    let identity = NodeIdentity { node, side };
    if write(&identity) != uri {
        return Err(format!("it is written {}", write(&identity)));
    }
    Ok(identity)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        rest = after;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Side;

    fn node(path: &str, side: Option<Side>) -> NodeIdentity {
        NodeIdentity {
            node: Topic::new(path).unwrap(),
            side,
        }
    }

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        let cases = [
            (node("root", None), "spica://node/root"),
            (
                node("root/s1", Some(Side::Primary)),
                "spica://node/root/s1?side=primary",
            ),
            (
                node("root/s1?side=backup", None),
                "spica://node/root/s1%3Fside%3Dbackup",
            ),
            (
                node("root/Süd 1%", None),
                "spica://node/root/S%C3%BCd%201%25",
            ),
            (
                node("/a//b", Some(Side::Backup)),
                "spica://node//a//b?side=backup",
            ),
        ];
        for (identity, uri) in cases {
            assert_eq!(write(&identity), uri);
            assert_eq!(read(uri), Ok(identity));
        }
    }

    #[test]
    fn a_name_is_written_in_one_way_only() {
        for uri in [
            "spica://node/",
            "spica://node",
            "spica://device/root/s1",
            "SPICA://node/root",
            "spica://node/root?side=primary&side=backup",
            "spica://node/root?side=",
            "spica://node/root?side=Primary",
            "spica://node/root?",
            "spica://node/root?role=primary",
            "spica://node/%72oot",
            "spica://node/root%3f",
            "spica://node/root%3",
            "spica://node/root%+1",
            "spica://node/a b",
            "spica://node/%FF",
            "spica://node/a%00",
            "spica://node/a%2Bb",
            "spica://node/root#x",
        ] {
            assert!(read(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn only_our_scheme_is_ours() {
        assert!(is_ours("spica://node/root") && is_ours("SPICA:x"));
        assert!(!is_ours("https://spica:1") && !is_ours("spi") && !is_ours("spiffe://node/root"));
    }
}
