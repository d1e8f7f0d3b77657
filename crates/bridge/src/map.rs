//! Topics of one side as those of the other.

use spica_matcher::{check_filter, matches, overlaps};
use spica_model::Topic;

/// The first levels below a node that no bridge writes: they have other writers.
const RESERVED_ROOTS: [&str; 7] = [
    "devices", "alarms", "cases", "handlers", "system", "audit", "mqtt",
];
/// What a wildcard at the beginning of a filter does not match: who wants it must name it.
const INTERNAL_ROOTS: [&str; 4] = ["handlers", "system", "audit", "mqtt"];
/// Most filters of one mapping.
const FILTERS: usize = 100;

/// Which topics, and what they are called on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    filters: Vec<String>,
    /// Each with a slash at its end, or empty.
    strip: String,
    add: String,
}

impl Mapping {
    /// A mapping of these filters.
    ///
    /// # Errors
    /// Which of them is wrong, and why.
    pub(crate) fn new(
        topics: &[String],
        strip: Option<&str>,
        add: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        if !(1..=FILTERS).contains(&topics.len()) {
            return Err(("topics", format!("1 to {FILTERS} are allowed")));
        }
        for filter in topics {
            check_filter(filter).map_err(|error| ("topics", format!("{filter:?}: {error}")))?;
        }
        let prefix = |key: &'static str, text: Option<&str>| {
            let Some(text) = text else {
                return Ok(String::new());
            };
            Topic::new(text).map_err(|error| (key, error.to_string()))?;
            Ok(format!("{text}/"))
        };
        let strip = prefix("strip", strip)?;
        let add = prefix("add", add)?;
        if is_reserved(&add) {
            return Err(("add", "these topics have other writers".to_owned()));
        }
        let stands = |filter: &String| filter.starts_with(&strip);
        if !topics.iter().all(stands) {
            let reason = format!("not all of the topics begin with {strip}");
            return Err(("strip", reason));
        }
        Ok(Self {
            filters: topics.to_vec(),
            strip,
            add,
        })
    }

    pub(crate) fn filters(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(String::as_str)
    }

    /// What a topic is called on the other side, if it is one of these.
    pub(crate) fn map(&self, topic: &str) -> Option<String> {
        let first = topic.split('/').next().unwrap_or_default();
        let hidden = INTERNAL_ROOTS.contains(&first) || topic.starts_with('$');
        let wanted = self.filters.iter().any(|filter| {
            let named = !filter.starts_with(['+', '#']);
            (named || !hidden) && matches(filter, topic)
        });
        if !wanted {
            return None;
        }
        // `plant/#` is `plant` as well, of which nothing would be left.
        let rest = topic.strip_prefix(&self.strip)?;
        (!rest.is_empty()).then(|| format!("{}{rest}", self.add))
    }

    /// Whether a topic that comes of this mapping may match `filter`.
    pub(crate) fn may_give(&self, filter: &str) -> bool {
        self.filters.iter().any(|own| {
            let rest = own.strip_prefix(&self.strip).unwrap_or(own);
            overlaps(&format!("{}{rest}", self.add), filter)
        })
    }
}

/// Whether a topic below the node has other writers.
pub(crate) fn is_reserved(below: &str) -> bool {
    let first = below.split('/').next().unwrap_or_default();
    below.starts_with('$') || RESERVED_ROOTS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(filters: &[&str], strip: Option<&str>, add: Option<&str>) -> Mapping {
        let filters: Vec<_> = filters.iter().map(|it| (*it).to_owned()).collect();
        Mapping::new(&filters, strip, add).unwrap()
    }

    #[test]
    fn prefixes_are_taken_off_and_put_on() {
        let moved = mapping(&["plant/#"], Some("plant"), Some("site1/x"));
        for (topic, mapped) in [
            ("plant/a/b", Some("site1/x/a/b")),
            ("plant", None),
            ("plants/a", None),
        ] {
            assert_eq!(moved.map(topic).as_deref(), mapped, "{topic}");
        }
        let same = mapping(&["a/+", "b"], None, None);
        assert_eq!(same.map("a/1").as_deref(), Some("a/1"));
        assert_eq!(same.map("b").as_deref(), Some("b"));
        assert_eq!(same.map("a/1/2"), None);
    }

    #[test]
    fn what_is_internal_goes_only_where_it_is_named() {
        let all = mapping(&["#"], None, None);
        assert_eq!(all.map("system/tokens/1"), None);
        assert_eq!(all.map("$SYS/x"), None);
        assert!(all.map("devices/1/data").is_some());
        let named = mapping(&["audit/#"], None, None);
        assert!(named.map("audit/x").is_some());
        assert!(is_reserved("devices/1") && !is_reserved("device/1"));
    }

    #[test]
    fn what_may_come_back_is_known() {
        let moved = mapping(&["plant/+/t"], Some("plant"), Some("site1"));
        assert!(moved.may_give("site1/7/t"));
        assert!(moved.may_give("+/+/+"));
        assert!(!moved.may_give("site1/7/p"));
        assert!(!moved.may_give("plant/#"));
    }
}
