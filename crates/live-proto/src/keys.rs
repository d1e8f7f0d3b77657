//! The keys of a frame as it was received, each read once by who knows what it must be.

use std::borrow::Cow;

use crate::error::Wrong;
use crate::part::Part;
use crate::words::Word;

/// The keys of a map. Unknown ones are not looked at; none comes twice.
pub(crate) struct Keys<'b>(Vec<(Cow<'b, str>, Part<'b>)>);

impl<'b> Keys<'b> {
    /// The keys of `part`, which `name` stands for in what is said about a mistake.
    pub(crate) fn of(part: Part<'b>, name: &str) -> Result<Self, Wrong> {
        let entries = part.entries();
        let mut entries = entries.ok_or_else(|| Wrong::new(format!("{name} must be an object")))?;
        // Sorted, for keys may be many and hostile.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(Wrong::new(format!("`{}` comes twice", pair[0].0))),
            None => Ok(Self(entries)),
        }
    }

    /// Whatever stands there, null too.
    pub(crate) fn part(&self, key: &str) -> Option<Part<'b>> {
        let found = self.0.binary_search_by(|(name, _)| (**name).cmp(key));
        found.ok().map(|at| self.0[at].1)
    }

    /// What stands there, if anything but null does; `expected` says what it must be.
    pub(crate) fn optional<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(Part<'b>) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        match self.part(key) {
            None => Ok(None),
            Some(part) if part.is_null() => Ok(None),
            Some(part) => read(part)
                .map(Some)
                .ok_or_else(|| Wrong::value(key, expected)),
        }
    }

    /// What must stand there.
    pub(crate) fn need<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(Part<'b>) -> Option<T>,
    ) -> Result<T, Wrong> {
        let found = self.optional(key, expected, read)?;
        found.ok_or_else(|| Wrong::new(format!("`{key}` is missing: it must be {expected}")))
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64, Wrong> {
        self.need(key, WHOLE, Part::u64)
    }

    pub(crate) fn optional_number(&self, key: &str) -> Result<Option<u64>, Wrong> {
        self.optional(key, WHOLE, Part::u64)
    }

    pub(crate) fn text(&self, key: &str) -> Result<String, Wrong> {
        let text = self.need(key, "text", Part::text)?;
        Ok(text.into_owned())
    }

    pub(crate) fn truth(&self, key: &str, default: bool) -> Result<bool, Wrong> {
        let truth = self.optional(key, "true or false", Part::bool)?;
        Ok(truth.unwrap_or(default))
    }

    /// One of the words of `T`.
    pub(crate) fn optional_word<T: Word>(&self, key: &str) -> Result<Option<T>, Wrong> {
        let word = self.optional(key, &one_of::<T>(), Part::text)?;
        word.map(|word| T::read(&word).ok_or_else(|| Wrong::value(key, &one_of::<T>())))
            .transpose()
    }

    /// One of the words of `T`, which must stand there.
    pub(crate) fn word<T: Word>(&self, key: &str) -> Result<T, Wrong> {
        self.need(key, &one_of::<T>(), |part| T::read(&part.text()?))
    }
}

const WHOLE: &str = "a whole number from 0 to 2^64-1";

/// The words of `T`, for people.
pub(crate) fn one_of<T: Word>() -> String {
    let words: Vec<_> = T::WORDS.iter().map(|(_, word)| *word).collect();
    format!("one of {}", words.join(", "))
}
