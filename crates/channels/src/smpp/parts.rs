//! A text as one short message, or as the parts of a long one.
//!
//! Parts carry the 8-bit concatenation header of 3GPP TS 23.040. Its reference comes from the
//! message's key, so that a part that is sent again takes the place of its first copy in the phone.

use super::alphabet::Alphabet;

/// What says that something was cut off; both alphabets have it.
const CUT: &str = "...";

/// A text, ready to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) alphabet: Alphabet,
    /// The octets of each short message, with its header if there are several.
    pub(super) octets: Vec<Vec<u8>>,
    /// Whether the text was longer than the parts allow, and its end is missing.
    pub(super) cut: bool,
}

/// Splits a text into at most `most` parts (at least one, at most 255).
pub(super) fn split(text: &str, reference: u8, most: u8) -> Parts {
    let alphabet = Alphabet::of(text);
    let whole = pack(text, alphabet, alphabet.alone());
    if whole.len() <= 1 {
        let octets = vec![whole.into_iter().next().unwrap_or_default()];
        return Parts {
            alphabet,
            octets,
            cut: false,
        };
    }
    let (bodies, cut) = fit(text, alphabet, usize::from(most.max(1)));
    let total = u8::try_from(bodies.len()).unwrap_or(u8::MAX);
    let octets = match total {
        1 => bodies,
        _ => (1..=total)
            .zip(bodies)
            .map(|(number, body)| {
                let mut octets = vec![5, 0, 3, reference, total, number];
                octets.extend(body);
                octets
            })
            .collect(),
    };
    Parts {
        alphabet,
        octets,
        cut,
    }
}

/// The bodies of the parts, and whether the text had to be cut for them.
fn fit(text: &str, alphabet: Alphabet, most: usize) -> (Vec<Vec<u8>>, bool) {
    let room = if most == 1 {
        alphabet.alone()
    } else {
        alphabet.in_part()
    };
    let bodies = pack(text, alphabet, room);
    if bodies.len() <= most {
        return (bodies, false);
    }
    // The end goes, until what is left and the mark fit.
    let mut kept: Vec<char> = text.chars().take(most * room).collect();
    loop {
        let short: String = kept
            .iter()
            .chain(&CUT.chars().collect::<Vec<_>>())
            .collect();
        let bodies = pack(&short, alphabet, room);
        if bodies.len() <= most || kept.pop().is_none() {
            return (bodies, true);
        }
    }
}

/// Fills bodies of at most `room` octets, without tearing a character apart.
fn pack(text: &str, alphabet: Alphabet, room: usize) -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut one = Vec::with_capacity(4);
    for c in text.chars() {
        one.clear();
        alphabet.push(c, &mut one);
        match bodies.last_mut() {
            Some(body) if body.len() + one.len() <= room => body.extend(&one),
            _ => bodies.push(one.clone()),
        }
    }
    bodies
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(text: &str) -> Vec<usize> {
        let parts = split(text, 7, 255);
        assert!(!parts.cut);
        parts.octets.iter().map(Vec::len).collect()
    }

    #[test]
    fn texts_are_split_where_the_air_wants_it() {
        assert_eq!(lengths(""), [0]);
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [159, 14]);
        assert_eq!(lengths(&"Я".repeat(70)), [140]);
        assert_eq!(lengths(&"Я".repeat(71)), [140, 14]);
        // Neither an escape nor a surrogate pair is torn: a part stays shorter instead.
        assert_eq!(
            lengths(&format!("{}€{}", "a".repeat(152), "a".repeat(10))),
            [158, 18]
        );
        assert_eq!(
            lengths(&format!("{}😀{}", "Я".repeat(66), "Я".repeat(10))),
            [138, 30]
        );
    }

    #[test]
    fn parts_say_which_they_are_of_what() {
        let parts = split(&"a".repeat(400), 0xa5, 4);
        let headers: Vec<&[u8]> = parts.octets.iter().map(|octets| &octets[..6]).collect();
        assert_eq!(
            headers,
            [
                [5, 0, 3, 0xa5, 3, 1],
                [5, 0, 3, 0xa5, 3, 2],
                [5, 0, 3, 0xa5, 3, 3]
            ]
        );
    }

    #[test]
    fn a_text_that_is_too_long_loses_its_end_and_says_so() {
        let parts = split(&"a".repeat(1_000), 1, 2);
        assert!(parts.cut);
        assert_eq!(parts.octets.len(), 2);
        assert_eq!(parts.octets[1].len(), 159);
        assert!(parts.octets[1].ends_with(b"a..."));
        let one = split(&"a".repeat(1_000), 1, 1);
        assert_eq!(one.octets.len(), 1);
        assert_eq!(one.octets[0].len(), 160, "one part has no header");
        assert!(one.octets[0].ends_with(b"..."));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_bounds(text in ".{0,400}", most in 1_u8..6) {
            let parts = split(&text, 3, most);
            prop_assert!(parts.octets.len() <= usize::from(most));
            for octets in &parts.octets {
                prop_assert!(octets.len() <= parts.alphabet.alone());
            }
        }
    }
}
