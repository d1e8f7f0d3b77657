//! CBOR (RFC 8949) as we read it: definite and indefinite lengths, numbers of each width. What JSON
//! does not have (tags, undefined, other simple values) may stand in keys that nobody reads, but is
//! no value.
//!
//! An item is checked once as a whole; what reads its parts then relies on that.

#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;

pub(crate) use value::value;

/// The major types.
pub(crate) mod major {
    pub(crate) const UNSIGNED: u8 = 0;
    pub(crate) const NEGATIVE: u8 = 1;
    pub(crate) const BYTES: u8 = 2;
    pub(crate) const TEXT: u8 = 3;
    pub(crate) const ARRAY: u8 = 4;
    pub(crate) const MAP: u8 = 5;
    pub(crate) const TAG: u8 = 6;
    pub(crate) const SIMPLE: u8 = 7;
}

/// The item that stands for nothing.
pub(crate) const NULL: u8 = 0xf6;
/// The end of what has no length.
const BREAK: u8 = 0xff;

/// The beginning of an item.
#[derive(Debug, Clone, Copy)]
struct Head {
    major: u8,
    /// The lower five bits: where the number stands. 31: no length is known.
    info: u8,
    number: u64,
}

impl Head {
    /// Items or bytes that follow; `None`: as many as there are before the break.
    fn len(self) -> Option<usize> {
        // What does not fit into memory is not there either.
        (self.info != 31).then(|| usize::try_from(self.number).unwrap_or(usize::MAX))
    }
}

/// Takes the beginning of an item; `None` if there is none.
fn head(rest: &mut &[u8]) -> Option<Head> {
    let (first, mut after) = rest.split_first()?;
    let (major, info) = (first >> 5, first & 31);
    let number = match info {
        0..=23 => u64::from(info),
        24..=27 => {
            let (number, behind) = after.split_at_checked(1 << (info - 24))?;
            after = behind;
            let shifted = |sum, byte: &u8| sum << 8 | u64::from(*byte);
            number.iter().fold(0, shifted)
        }
        31 if (major::BYTES..=major::MAP).contains(&major) => 0,
        _ => return None,
    };
    // A simple value has one form only.
    if (major, info) == (major::SIMPLE, 24) && number < 32 {
        return None;
    }
    *rest = after;
    Some(Head {
        major,
        info,
        number,
    })
}

/// Checks that `cbor` is one well-formed item, nested at most `depth` deep, its texts UTF-8.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn check(cbor: &[u8], depth: usize) -> Result<(), String> {
    let mut rest = cbor;
    let mut result = skip(&mut rest, depth);
    if result.is_ok() && !rest.is_empty() {
        result = Err("something follows");
    }
    result.map_err(|what| format!("{what} at byte {}", cbor.len() - rest.len()))
}

/// Takes one item.
fn skip(rest: &mut &[u8], depth: usize) -> Result<(), &'static str> {
    let before = *rest;
    let head = head(rest).ok_or("no item begins")?;
    let each = match head.major {
        major::BYTES | major::TEXT => {
            *rest = before;
            return chunks(rest, |_| ());
        }
        major::ARRAY | major::TAG => 1,
        major::MAP => 2,
        _ => return Ok(()),
    };
    let below = depth.checked_sub(1).ok_or("nested too deep")?;
    if head.major == major::TAG {
        return skip(rest, below);
    }
    let mut left = head.len();
    while more(&mut left, rest) {
        for _ in 0..each {
            skip(rest, below)?;
        }
    }
    Ok(())
}

/// Whether there is another item, of so many that are left; takes the break.
fn more(left: &mut Option<usize>, rest: &mut &[u8]) -> bool {
    if let Some(left) = left {
        let more = *left > 0;
        *left = left.saturating_sub(1);
        return more;
    }
    match rest.split_first() {
        Some((&BREAK, after)) => {
            *rest = after;
            false
        }
        // At the end of the input the next item is found missing.
        _ => true,
    }
}

/// Takes a byte or text string and shows its chunks, of which one of known length has one.
fn chunks<'b>(rest: &mut &'b [u8], mut show: impl FnMut(&'b [u8])) -> Result<(), &'static str> {
    let first = head(rest).ok_or("no string begins")?;
    let mut chunk = |rest: &mut &'b [u8], len: usize| {
        let (bytes, after) = rest.split_at_checked(len).ok_or("a string is cut short")?;
        if first.major == major::TEXT && std::str::from_utf8(bytes).is_err() {
            return Err("a text is not UTF-8");
        }
        *rest = after;
        show(bytes);
        Ok(())
    };
    if let Some(len) = first.len() {
        return chunk(rest, len);
    }
    while more(&mut None, rest) {
        let next = head(rest).filter(|next| next.major == first.major);
        let len = next.and_then(Head::len);
        chunk(rest, len.ok_or("a string has a part that is none")?)?;
    }
    Ok(())
}

/// The bytes of an item that is a string of this major type.
fn string(item: &[u8], major: u8) -> Option<Cow<'_, [u8]>> {
    (item.first()? >> 5 == major).then_some(())?;
    let mut joined = Cow::Borrowed(&[][..]);
    let mut rest = item;
    let show = |bytes| {
        if joined.is_empty() {
            joined = Cow::Borrowed(bytes);
        } else {
            joined.to_mut().extend_from_slice(bytes);
        }
    };
    chunks(&mut rest, show).ok()?;
    Some(joined)
}

/// The text of an item that is one.
pub(crate) fn text(item: &[u8]) -> Option<Cow<'_, str>> {
    match string(item, major::TEXT)? {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// The bytes of an item that has some.
pub(crate) fn bytes(item: &[u8]) -> Option<Cow<'_, [u8]>> {
    string(item, major::BYTES)
}

/// The whole number of an item that is one.
pub(crate) fn integer(mut item: &[u8]) -> Option<i128> {
    let Head { major, number, .. } = head(&mut item)?;
    match major {
        major::UNSIGNED => Some(i128::from(number)),
        major::NEGATIVE => Some(-1 - i128::from(number)),
        _ => None,
    }
}

/// The truth of an item that is one.
pub(crate) const fn truth(item: &[u8]) -> Option<bool> {
    match item {
        [0xf4] => Some(false),
        [0xf5] => Some(true),
        _ => None,
    }
}

/// The number of an item that is one of floating point.
pub(crate) fn float(mut item: &[u8]) -> Option<f64> {
    let Head {
        major,
        info,
        number,
    } = head(&mut item)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number has as many bits as its head said"
    )]
    match (major, info) {
        (major::SIMPLE, 25) => Some(half(number as u16)),
        (major::SIMPLE, 26) => Some(f64::from(f32::from_bits(number as u32))),
        (major::SIMPLE, 27) => Some(f64::from_bits(number)),
        _ => None,
    }
}

/// A number of half precision (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let mantissa = f64::from(bits & 0x3ff);
    let size = match (bits >> 10) & 31 {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (mantissa + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// The items of one that is an array.
pub(crate) fn items(item: &[u8]) -> Option<Vec<&[u8]>> {
    contents(item, major::ARRAY)
}

/// The keys and values, in turn, of an item that is a map.
pub(crate) fn entries(item: &[u8]) -> Option<Vec<&[u8]>> {
    contents(item, major::MAP)
}

fn contents(item: &[u8], major: u8) -> Option<Vec<&[u8]>> {
    let mut rest = item;
    let head = head(&mut rest).filter(|head| head.major == major)?;
    let each = if major == major::MAP { 2 } else { 1 };
    let mut left = head.len();
    let mut contents = Vec::new();
    while more(&mut left, &mut rest) {
        for _ in 0..each {
            let from = rest;
            // As deep as it may be: that was checked for the whole.
            skip(&mut rest, usize::MAX).ok()?;
            contents.push(&from[..from.len() - rest.len()]);
        }
    }
    Some(contents)
}
