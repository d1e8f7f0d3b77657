//! JSON that every reader can read (RFC 7493): payloads are shown among others on one page, and one
//! that a strict reader refuses would make it refuse them all.

mod quick;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep a payload's arrays and objects may nest.
pub const DEPTH: usize = 100;

/// Checks that `json` is one JSON value, nested at most `depth` deep, its numbers within the range
/// of 64-bit floating point, its strings Unicode.
///
/// # Errors
/// What is wrong, and where.
pub fn check(json: &[u8], depth: usize) -> Result<(), serde_json::Error> {
    match std::str::from_utf8(json) {
        Ok(text) if quick::certainly(text, depth) => Ok(()),
        _ => read(json, depth),
    }
}

/// As [`check`], by a reader that says what is wrong.
fn read(json: &[u8], depth: usize) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    Level(depth).deserialize(&mut reader)?;
    reader.end()
}

/// Reads a value and keeps nothing; so many levels may be below it.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        let levels = self.0.checked_sub(1);
        levels.map(Self).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while items.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let below = self.below()?;
        // A key is a string: it needs no level of its own.
        while entries.next_key_seed(below)?.is_some() {
            entries.next_value_seed(below)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everyone_can_read_is_sound() {
        let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
        for sound in [
            "null",
            " {\"a\":[1,-2,3.5,\"\\u00e4\\ud83d\\ude00\",true]} ",
            "1e300",
            &deep,
        ] {
            check(sound.as_bytes(), DEPTH).unwrap();
        }
    }

    #[test]
    fn what_is_certainly_sound_is() {
        for (json, certain) in [
            (
                " {\"a\" : [ 1 ,-2, 3.50,0, true,false ,null,\"\\n\u{e4}\",{},[ ]] } ",
                true,
            ),
            ("-0", true),
            ("1e5", false),
            ("1E400", false),
            ("\"\\u00e4\"", false),
            ("01", false),
            ("-", false),
            ("1.", false),
            (".5", false),
            ("+1", false),
            ("[1,]", false),
            ("[,1]", false),
            ("[1 2]", false),
            ("{\"a\"}", false),
            ("{\"a\":1,}", false),
            ("{1:1}", false),
            ("nul", false),
            ("nulll", false),
            ("\"", false),
            ("\"\\\"", false),
            ("[[[]]", false),
            ("[]]", false),
            ("", false),
        ] {
            assert_eq!(quick::certainly(json, 3), certain, "{json}");
        }
        assert!(quick::certainly("[[[1]]]", 3) && !quick::certainly("[[[[]]]]", 3));
        let digits = |count| quick::certainly(&"9".repeat(count), 1);
        assert!(digits(300) && !digits(301));
    }

    proptest::proptest! {
        #[test]
        fn what_is_certainly_sound_reads(json in "[\\[\\]{}:,\"\\\\ntrue0-9.eE\\- ]{0,12}") {
            if quick::certainly(&json, 5) {
                proptest::prop_assert!(read(json.as_bytes(), 5).is_ok(), "{}", json);
            }
        }
    }

    #[test]
    fn what_some_reader_would_refuse_is_not() {
        let deeper = format!("{}{}", "[".repeat(DEPTH + 1), "]".repeat(DEPTH + 1));
        for (unsound, part) in [
            (&*deeper, "nested too deep"),
            (&"{\"a\":".repeat(DEPTH + 1), "nested too deep"),
            ("1e400", "out of range"),
            ("\"\\ud800\"", "hex escape"),
            ("{\"\\ud800\":1}", "hex escape"),
            ("1 2", "trailing"),
            ("", "EOF"),
            ("{", "EOF"),
            ("\"\u{1}\"", "control"),
        ] {
            let error = check(unsound.as_bytes(), DEPTH).unwrap_err().to_string();
            assert!(error.contains(part), "{unsound}: {error}");
        }
        check(b"\"\xff\"", DEPTH).unwrap_err();
    }
}
