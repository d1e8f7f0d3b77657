//! Rules of topic names and filters (section 4.7), and of shared subscriptions (4.8.2).

/// What is wrong with a topic name or a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicFault {
    /// It has no character.
    #[error("a topic or filter without a character")]
    Empty,
    /// More than 65,535 bytes.
    #[error("a topic or filter of more than 65,535 bytes")]
    TooLong,
    /// U+0000 in it.
    #[error("a topic or filter with U+0000")]
    Nul,
    /// `+` or `#` in a name, or in a filter where it does not fill a level, or `#` before the end.
    #[error("a wildcard that does not stand alone on its level, or # before the end")]
    Wildcard,
    /// `$share/` without a name, or with a wildcard in it, or without a filter.
    #[error("a shared subscription without a proper group name and filter")]
    Share,
}

/// Whether messages can be published to this topic.
///
/// # Errors
/// If it is empty, too long, or holds U+0000 or a wildcard: MQTT-4.7.0-1, MQTT-4.7.3-1 to -3.
pub fn check_topic_name(topic: &str) -> Result<(), TopicFault> {
    common(topic)?;
    match memchr::memchr2(b'+', b'#', topic.as_bytes()) {
        Some(_) => Err(TopicFault::Wildcard),
        None => Ok(()),
    }
}

/// Whether this filter can be subscribed to, a shared one among them.
///
/// # Errors
/// As [`check_topic_name`], but that `+` may fill a level, and `#` the last one: MQTT-4.7.1-1 and
/// -2; and if it is of a group that has no proper name: MQTT-4.8.2-1 and -2.
pub fn check_filter(filter: &str) -> Result<(), TopicFault> {
    common(filter)?;
    let Some(shared) = filter.strip_prefix(SHARE) else {
        return wildcards(filter);
    };
    match shared.split_once('/') {
        Some((group, filter)) if is_group(group) && !filter.is_empty() => wildcards(filter),
        _ => Err(TopicFault::Share),
    }
}

/// The group and the filter of a shared subscription, `$share/<group>/<filter>`; none of others.
#[must_use]
pub fn split_share(filter: &str) -> Option<(&str, &str)> {
    let (group, filter) = filter.strip_prefix(SHARE)?.split_once('/')?;
    (is_group(group) && !filter.is_empty()).then_some((group, filter))
}

/// How many levels a topic or filter has: slashes and one.
#[must_use]
pub fn levels(topic: &str) -> usize {
    1 + memchr::memchr_iter(b'/', topic.as_bytes()).count()
}

const SHARE: &str = "$share/";

fn is_group(group: &str) -> bool {
    !group.is_empty() && memchr::memchr2(b'+', b'#', group.as_bytes()).is_none()
}

fn common(topic: &str) -> Result<(), TopicFault> {
    if topic.is_empty() {
        return Err(TopicFault::Empty);
    }
    if topic.len() > usize::from(u16::MAX) {
        return Err(TopicFault::TooLong);
    }
    match memchr::memchr(0, topic.as_bytes()) {
        Some(_) => Err(TopicFault::Nul),
        None => Ok(()),
    }
}

fn wildcards(filter: &str) -> Result<(), TopicFault> {
    let bytes = filter.as_bytes();
    for at in memchr::memchr2_iter(b'+', b'#', bytes) {
        let begins = at == 0 || bytes[at - 1] == b'/';
        let ends = match bytes.get(at + 1) {
            None => true,
            Some(next) => bytes[at] == b'+' && *next == b'/',
        };
        if !begins || !ends {
            return Err(TopicFault::Wildcard);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mqtt_4_7_0_1_a_topic_name_has_no_wildcard() {
        for wrong in ["+", "#", "a/+", "a/#", "a+b", "a#"] {
            assert_eq!(
                check_topic_name(wrong),
                Err(TopicFault::Wildcard),
                "{wrong}"
            );
        }
        for right in ["a", "/", "//", " ", "a b/\u{e9}", "$SYS/x", "$share/g/a"] {
            assert_eq!(check_topic_name(right), Ok(()), "{right}");
        }
    }

    #[test]
    fn mqtt_4_7_1_1_the_last_wildcard_stands_alone_and_at_the_end() {
        for right in ["#", "/#", "a/#", "a//#", "+/#"] {
            assert_eq!(check_filter(right), Ok(()), "{right}");
        }
        for wrong in ["a#", "a/b#", "#/", "#/a", "a/#/b", "##", "#+", "/#/"] {
            assert_eq!(check_filter(wrong), Err(TopicFault::Wildcard), "{wrong}");
        }
    }

    #[test]
    fn mqtt_4_7_1_2_a_wildcard_of_one_level_fills_it() {
        for right in ["+", "+/", "/+", "a/+/b", "+/+", "+/a/#"] {
            assert_eq!(check_filter(right), Ok(()), "{right}");
        }
        for wrong in ["a+", "+a", "++", "a/+b", "a/b+/c", "+#"] {
            assert_eq!(check_filter(wrong), Err(TopicFault::Wildcard), "{wrong}");
        }
    }

    #[test]
    fn mqtt_4_7_3_1_to_3_topics_have_a_character_no_u0000_and_65535_bytes_at_most() {
        let (most, more) = ("x".repeat(65_535), "x".repeat(65_536));
        for check in [check_topic_name, check_filter] {
            assert_eq!(check(""), Err(TopicFault::Empty));
            assert_eq!(check("a\0b"), Err(TopicFault::Nul));
            assert_eq!(check(&most), Ok(()));
            assert_eq!(check(&more), Err(TopicFault::TooLong));
        }
    }

    #[test]
    fn mqtt_4_8_2_1_and_2_a_shared_subscription_has_a_group_and_a_filter() {
        for (filter, parts) in [
            ("$share/g/a/+", ("g", "a/+")),
            ("$share/g//", ("g", "/")),
            ("$share/g h/#", ("g h", "#")),
        ] {
            assert_eq!(check_filter(filter), Ok(()), "{filter}");
            assert_eq!(split_share(filter), Some(parts), "{filter}");
        }
        for wrong in [
            "$share/",
            "$share/g",
            "$share/g/",
            "$share//a",
            "$share/+/a",
            "$share/#/a",
        ] {
            assert_eq!(check_filter(wrong), Err(TopicFault::Share), "{wrong}");
            assert_eq!(split_share(wrong), None, "{wrong}");
        }
        assert_eq!(check_filter("$share/g/a#"), Err(TopicFault::Wildcard));
        // Nothing is shared by these.
        for plain in ["$share", "$shared/g/a", "a/$share/g/a", "a"] {
            assert_eq!(check_filter(plain), Ok(()), "{plain}");
            assert_eq!(split_share(plain), None, "{plain}");
        }
    }

    #[test]
    fn levels_are_slashes_and_one() {
        for (topic, expected) in [("a", 1), ("/", 2), ("a/b/", 3)] {
            assert_eq!(levels(topic), expected, "{topic}");
        }
    }
}
