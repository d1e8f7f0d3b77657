//! MQTT's rules of topics and filters, and how filters stand to each other.

/// Why a text is no topic or no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Empty.
    #[error("it is empty; a topic or filter has at least one character")]
    Empty,
    /// Longer than MQTT can say.
    #[error("it has more than 65535 bytes")]
    TooLong,
    /// It has a NUL.
    #[error("it has a NUL character")]
    Nul,
    /// `+` or `#` in a topic.
    #[error("+ and # are wildcards: a filter may have them, a topic may not")]
    Wildcard,
    /// A wildcard that is not a whole level, or a `#` before the last level.
    #[error("+ stands for one whole level, # for all the rest and only at the end")]
    Misplaced,
}

fn check_text(text: &str) -> Result<(), FilterError> {
    if text.is_empty() {
        return Err(FilterError::Empty);
    }
    if text.len() > usize::from(u16::MAX) {
        return Err(FilterError::TooLong);
    }
    if text.contains('\0') {
        return Err(FilterError::Nul);
    }
    Ok(())
}

/// Checks the name of a topic by MQTT's rules [MQTT-4.7.1-1], [MQTT-4.7.3-1..3].
///
/// # Errors
/// Which rule it breaks.
pub fn check_topic(topic: &str) -> Result<(), FilterError> {
    check_text(topic)?;
    if topic.contains(['+', '#']) {
        return Err(FilterError::Wildcard);
    }
    Ok(())
}

/// Checks a filter by MQTT's rules [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1..3].
///
/// # Errors
/// Which rule it breaks.
pub fn check_filter(filter: &str) -> Result<(), FilterError> {
    check_text(filter)?;
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let is_wild = level.contains(['+', '#']);
        let is_whole = level == "+" || (level == "#" && levels.peek().is_none());
        if is_wild && !is_whole {
            return Err(FilterError::Misplaced);
        }
    }
    Ok(())
}

/// Whether `filter` begins with a wildcard, which matches no topic that begins with `$`
/// [MQTT-4.7.2-1].
fn is_wild(filter: &str) -> bool {
    filter.starts_with(['+', '#'])
}

/// Whether `filter` matches `topic`.
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    // A topic is a filter that matches itself alone.
    covers(filter, topic)
}

/// Whether `wide` matches every topic that `narrow` matches.
#[must_use]
pub fn covers(wide: &str, narrow: &str) -> bool {
    if narrow.starts_with('$') && is_wild(wide) {
        return false;
    }
    // Every topic has a first level, so both say the same.
    let narrow = if narrow == "#" { "+/#" } else { narrow };
    let mut narrow = narrow.split('/');
    for wide in wide.split('/') {
        match (wide, narrow.next()) {
            ("#", _) => return true,
            ("+", Some(level)) if level != "#" => {}
            (literal, Some(level)) if literal == level => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

/// Whether some topic is matched by both.
#[must_use]
pub fn overlaps(one: &str, other: &str) -> bool {
    if (one.starts_with('$') && is_wild(other)) || (other.starts_with('$') && is_wild(one)) {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All topics over a few levels, enough to tell filters of up to three levels apart.
    fn topics() -> Vec<String> {
        let levels = ["a", "b", "", "$s", "z"];
        let mut topics: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
        let mut last = topics.clone();
        for _ in 0..3 {
            last = last
                .iter()
                .flat_map(|topic| levels.iter().map(move |level| format!("{topic}/{level}")))
                .collect();
            topics.extend(last.iter().cloned());
        }
        topics
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![3 => Just("a"), 2 => Just("b"), 1 => Just("$s"), 1 => Just(""), 3 => Just("+")];
        (prop::collection::vec(level, 0..4), any::<bool>()).prop_map(|(mut levels, rest)| {
            if rest || levels.is_empty() {
                levels.push("#");
            }
            levels.join("/")
        })
    }

    /// The standard's own words, level by level.
    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => naive(filter, topic),
            ([one, filter @ ..], [other, topic @ ..]) => one == other && naive(filter, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn filters_stand_to_each_other_as_the_topics_that_they_match(
            one in filter(), other in filter(),
        ) {
            let (mut both, mut only_other) = (false, false);
            for topic in topics() {
                let split = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
                let (levels, pattern) = (split(&topic), split(&one));
                let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
                let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
                let hidden = topic.starts_with('$') && one.starts_with(['+', '#']);
                let want = !hidden && naive(&pattern, &levels);
                prop_assert_eq!(matches(&one, &topic), want, "{} {}", one, topic);
                both |= want && matches(&other, &topic);
                only_other |= !want && matches(&other, &topic);
            }
            prop_assert_eq!(overlaps(&one, &other), both, "{} {}", one, other);
            prop_assert_eq!(covers(&one, &other), !only_other, "{} {}", one, other);
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_the_rule() {
        for (filter, want) in [
            ("", Err(FilterError::Empty)),
            ("a\0", Err(FilterError::Nul)),
            ("a+", Err(FilterError::Misplaced)),
            ("a/#/b", Err(FilterError::Misplaced)),
            ("a#", Err(FilterError::Misplaced)),
            ("#", Ok(())),
            ("+/+/#", Ok(())),
            ("/", Ok(())),
            ("$share", Ok(())),
        ] {
            assert_eq!(check_filter(filter), want, "{filter:?}");
        }
        assert_eq!(check_filter(&"a".repeat(65_535)), Ok(()));
        assert_eq!(check_filter(&"a".repeat(65_536)), Err(FilterError::TooLong));
        assert_eq!(check_topic("a/+"), Err(FilterError::Wildcard));
        assert_eq!(check_topic("a/b"), Ok(()));
    }
}
