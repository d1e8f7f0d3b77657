//! Single values of a profile file, checked, with errors that say what is allowed.

use std::time::Duration;

use super::raw::{Number, Text};
use super::{Checked, Problem};

/// Longest time that the file may give.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest name.
const NAME_BYTES: usize = 64;

/// A number from `min` to `max`.
pub(super) fn number<T: TryFrom<i64>>(
    what: &str,
    raw: &Option<Number>,
    min: i64,
    max: i64,
) -> Checked<Option<T>> {
    raw.as_ref()
        .map(|raw| in_range(what, raw, min, max))
        .transpose()
}

/// A number from `min` to `max`, which both must fit `T`.
pub(super) fn in_range<T: TryFrom<i64>>(
    what: &str,
    raw: &Number,
    min: i64,
    max: i64,
) -> Checked<T> {
    let value = *raw.get_ref();
    T::try_from(value)
        .ok()
        .filter(|_| (min..=max).contains(&value))
        .ok_or_else(|| Problem {
            span: raw.span(),
            message: format!("{what} is {value}; {min} to {max} are allowed"),
        })
}

/// One of the named values.
pub(super) fn one_of<T: Copy>(what: &str, raw: &Text, allowed: &[(&str, T)]) -> Checked<T> {
    let found = allowed.iter().find(|(name, _)| name == raw.get_ref());
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = allowed
            .iter()
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        let allowed = match names.as_slice() {
            [] => "there is nothing that it could be".to_owned(),
            names => format!("allowed are {}", names.join(", ")),
        };
        Problem {
            span: raw.span(),
            message: format!("{what} is {:?}; {allowed}", raw.get_ref()),
        }
    })
}

/// A time such as `500ms`, `10s` or `2m`.
pub(super) fn duration(what: &str, raw: &Option<Text>) -> Checked<Option<Duration>> {
    let Some(raw) = raw else { return Ok(None) };
    parse_duration(raw.get_ref())
        .filter(|duration| !duration.is_zero() && *duration <= DURATION_MAX)
        .map(Some)
        .ok_or_else(|| Problem {
            span: raw.span(),
            message: format!(
                "{what} is {:?}; a whole number with ms, s, m or h is allowed, from 1ms to 24h",
                raw.get_ref()
            ),
        })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().ok()?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(60 * 60),
        _ => return None,
    };
    unit.checked_mul(number)
}

/// Names or codes of one kind, none of them twice.
pub(super) struct Names {
    what: &'static str,
    names: Vec<String>,
}

impl Names {
    pub(super) const fn new(what: &'static str) -> Self {
        Self {
            what,
            names: Vec::new(),
        }
    }

    /// Takes the next name. `rule` says what is wrong with its form, if anything.
    pub(super) fn take(
        &mut self,
        raw: &Text,
        rule: fn(&str) -> Result<(), &'static str>,
    ) -> Checked<String> {
        let name = raw.get_ref();
        let problem = |message| Problem {
            span: raw.span(),
            message,
        };
        rule(name).map_err(|allowed| problem(format!("{} {name:?}: {allowed}", self.what)))?;
        self.once(name.clone())
            .map_err(|()| problem(format!("{} {name:?} is here twice", self.what)))?;
        Ok(name.clone())
    }

    /// Takes the next code.
    pub(super) fn take_code(&mut self, raw: &Number) -> Checked<u8> {
        let code: u8 = in_range(self.what, raw, 0, 255)?;
        self.once(code.to_string()).map_err(|()| Problem {
            span: raw.span(),
            message: format!("{} {code:#04x} is here twice", self.what),
        })?;
        Ok(code)
    }

    fn once(&mut self, name: String) -> Result<(), ()> {
        if self.names.contains(&name) {
            return Err(());
        }
        self.names.push(name);
        Ok(())
    }
}

/// Names that become levels of topics: `man-down`.
pub(super) fn is_kebab(name: &str) -> Result<(), &'static str> {
    let is_word = |word: &str| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        !word.is_empty() && word.bytes().all(allowed)
    };
    if name.len() <= NAME_BYTES && name.split('-').all(is_word) {
        Ok(())
    } else {
        Err(
            "lower-case words of a to z and 0 to 9 with - between them are allowed, at most 64 bytes",
        )
    }
}

/// Names that become keys of JSON objects: `battery_percent`.
pub(super) fn is_snake(name: &str) -> Result<(), &'static str> {
    if !name.contains('-') && is_kebab(&name.replace('_', "-")).is_ok() {
        Ok(())
    } else {
        Err(
            "lower-case words of a to z and 0 to 9 with _ between them are allowed, at most 64 bytes",
        )
    }
}

/// Names for people: `man down`.
pub(super) fn is_title(name: &str) -> Result<(), &'static str> {
    let visible = !name.chars().any(char::is_control) && name.trim() == name;
    if visible && !name.is_empty() && name.len() <= NAME_BYTES {
        Ok(())
    } else {
        Err("1 to 64 bytes without control characters or spaces around them are allowed")
    }
}
