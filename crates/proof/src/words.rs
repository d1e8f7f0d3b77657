//! The words of reports, and how numbers are written in each language.

use std::fmt;
use std::time::Duration;

use spica_cases::Severity;

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// A word or sentence in all languages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    english: &'static str,
    german: &'static str,
}

/// A word in English and German.
pub(crate) const fn word(english: &'static str, german: &'static str) -> Word {
    Word { english, german }
}

impl Language {
    /// Its tag, as in HTML: `en` or `de`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    pub(crate) const fn say(self, word: Word) -> &'static str {
        match self {
            Self::English => word.english,
            Self::German => word.german,
        }
    }

    pub(crate) const fn severity(self, severity: Severity) -> &'static str {
        self.say(match severity {
            Severity::Low => word("low", "tief"),
            Severity::Medium => word("medium", "mittel"),
            Severity::High => word("high", "hoch"),
            Severity::Emergency => word("emergency", "Notfall"),
        })
    }

    /// A number with so many decimals.
    pub(crate) fn decimal(self, number: f64, decimals: usize) -> String {
        let text = format!("{number:.decimals$}");
        match self {
            Self::English => text,
            Self::German => text.replace('.', ","),
        }
    }

    /// A count with thin spaces between thousands, which are the same in both languages.
    pub(crate) fn count(self, count: u64) -> String {
        let digits = count.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
                text.push('\u{202f}');
            }
            text.push(digit);
        }
        text
    }

    /// A share in percent, or a dash. Only all is 100 %, and only nothing is 0 %.
    pub(crate) fn percent(self, share: Option<f64>) -> String {
        let Some(share) = share else {
            return NOTHING.to_owned();
        };
        let percent = share * 100.0;
        let shown = match percent {
            p if p < 100.0 && p > 99.9 => 99.9,
            p if p > 0.0 && p < 0.1 => 0.1,
            p => p,
        };
        format!("{}\u{a0}%", self.decimal(shown, 1))
    }

    /// A duration for people, or a dash.
    pub(crate) fn duration(self, duration: Option<Duration>) -> String {
        let Some(duration) = duration else {
            return NOTHING.to_owned();
        };
        let secs = duration.as_secs();
        let (minutes, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
        let day = self.say(word("d", "Tg."));
        match secs {
            0..60 => format!(
                "{}\u{a0}s",
                self.decimal(duration.as_millis() as f64 / 1_000.0, 1)
            ),
            60..3_600 => format!("{minutes}\u{a0}min\u{a0}{:02}\u{a0}s", secs % 60),
            3_600..86_400 => format!("{hours}\u{a0}h\u{a0}{:02}\u{a0}min", minutes % 60),
            _ => format!("{days}\u{a0}{day}\u{a0}{:02}\u{a0}h", hours % 24),
        }
    }

    /// A time limit, as short as it can be said.
    pub(crate) fn limit(self, duration: Duration) -> String {
        match duration.as_secs() {
            secs if secs >= 120 && secs.is_multiple_of(60) => format!("{}\u{a0}min", secs / 60),
            secs if duration.subsec_nanos() == 0 => format!("{secs}\u{a0}s"),
            _ => self.duration(Some(duration)),
        }
    }
}

/// What stands where there is no number.
pub(crate) const NOTHING: &str = "–";

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.tag())
    }
}

impl std::str::FromStr for Language {
    type Err = String;

    /// Reads the tag; the error lists the tags there are.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "en" => Ok(Self::English),
            "de" => Ok(Self::German),
            _ => Err(format!("{text:?} is none of en, de")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_there_do() {
        let plain = |text: String| text.replace(['\u{a0}', '\u{202f}'], " ");
        let english = |secs| plain(Language::English.duration(Some(Duration::from_secs_f64(secs))));
        assert_eq!(english(8.249), "8.2 s");
        assert_eq!(english(65.9), "1 min 05 s");
        assert_eq!(english(7_500.0), "2 h 05 min");
        assert_eq!(english(100_000.0), "1 d 03 h");
        assert_eq!(plain(Language::German.percent(Some(0.9849))), "98,5 %");
        assert_eq!(plain(Language::English.percent(Some(0.999_99))), "99.9 %");
        assert_eq!(plain(Language::English.percent(Some(0.000_01))), "0.1 %");
        assert_eq!(plain(Language::English.percent(Some(1.0))), "100.0 %");
        assert_eq!(Language::English.percent(None), NOTHING);
        assert_eq!(plain(Language::English.count(1_234_567)), "1 234 567");
        assert_eq!(Language::English.count(1_234), "1234");
        assert_eq!(
            plain(Language::English.limit(Duration::from_secs(90))),
            "90 s"
        );
        assert_eq!(
            plain(Language::German.limit(Duration::from_millis(1_500))),
            "1,5 s"
        );
        for language in [Language::English, Language::German] {
            assert_eq!(language.to_string().parse(), Ok(language));
        }
        assert!("fr".parse::<Language>().is_err());
    }
}
