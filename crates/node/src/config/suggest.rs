//! Did you mean …?

use super::shape::Shape;

/// The candidate that `word` is most likely a slip of, if one is near enough.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A third of the letters may be wrong: more, and every short key looks like every other.
    let far = (word.chars().count() / 3).max(1);
    let near = |candidate: &'a str| {
        let distance = strsim::damerau_levenshtein(&plain(word), &plain(candidate));
        (distance <= far).then_some((distance, candidate))
    };
    candidates
        .into_iter()
        .filter_map(near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// Case and the kind of dash are no difference. Hostile words are cut: the distance takes time and
/// memory that grow with both lengths.
fn plain(word: &str) -> String {
    word.chars()
        .take(64)
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// The other places of the whole configuration where a key of this very name is.
pub(super) fn elsewhere(root: Shape<'_>, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, "", word, &mut found);
    found
}

fn collect(shape: Shape<'_>, path: &str, word: &str, found: &mut Vec<String>) {
    for (key, child) in shape.properties() {
        let path = if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        };
        if key == word {
            found.push(path.clone());
        }
        collect(child, &path, word, found);
    }
}
