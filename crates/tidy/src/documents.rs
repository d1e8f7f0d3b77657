//! What the documents say about the tree, and where their links lead.

use std::collections::BTreeSet;

use crate::layers::LAYERS;
use crate::workspace::Text;

/// What a map of the code says wrong: crates that it leaves out, names that lead nowhere, and
/// layers that differ from the ones that are checked. `exists` tells whether a path from the root
/// is there.
#[must_use]
pub fn map_problems(
    map: &Text,
    crate_names: &[String],
    exists: impl Fn(&str) -> bool,
) -> Vec<String> {
    let path = &map.path;
    let named = named_paths(&map.content);
    let mut problems = Vec::new();
    for name in crate_names {
        let folder = format!("crates/{name}");
        let below = format!("{folder}/");
        if !named
            .iter()
            .any(|named| *named == folder || named.starts_with(&below))
        {
            problems.push(format!("{path} does not name {folder}"));
        }
    }
    for named in named.iter().filter(|named| !exists(named)) {
        problems.push(format!("{path} names {named}, which does not exist"));
    }
    problems.extend(layer_problems(map));
    problems
}

/// All `crates/…` that a text names.
fn named_paths(text: &str) -> BTreeSet<&str> {
    let path_end = |c: char| !(c.is_ascii_alphanumeric() || "-_/.".contains(c));
    text.match_indices("crates/")
        .map(|(at, _)| text[at..].split(path_end).next().unwrap_or_default())
        .map(|path| path.trim_end_matches(['.', '/']))
        .filter(|path| *path != "crates")
        .collect()
}

/// Compares the rows `| layer | crate | …` of the map's table with [`LAYERS`]; a row without a layer
/// goes on with the one above it.
fn layer_problems(map: &Text) -> Vec<String> {
    let mut layer = "";
    let mut problems = Vec::new();
    for line in map.content.lines() {
        let mut cells = line
            .strip_prefix('|')
            .into_iter()
            .flat_map(|row| row.split('|'));
        let (Some(first), Some(second)) = (cells.next(), cells.next()) else {
            continue;
        };
        let name = second.trim().trim_matches('`').strip_prefix("crates/");
        if !first.trim().is_empty() {
            layer = first.trim();
        }
        let Some(name) = name else { continue };
        let checked = LAYERS.iter().find(|(_, crates)| crates.contains(&name));
        if checked.is_none_or(|(checked, _)| *checked != layer) {
            let checked = checked.map_or("none", |(checked, _)| checked);
            let path = &map.path;
            problems.push(format!(
                "{path} puts {name} into {layer}; the check says {checked}"
            ));
        }
    }
    problems
}

/// Relative links of a document that lead nowhere.
#[must_use]
pub fn dead_links(document: &Text, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let directory = document
        .path
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    let targets = document.content.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', ' ']).next());
    let mut problems = Vec::new();
    for target in targets {
        let file = target.split('#').next().unwrap_or_default();
        if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
            continue;
        }
        if !exists(&resolve(directory, file)) {
            problems.push(format!(
                "{} links to {target}, which does not exist",
                document.path
            ));
        }
    }
    problems
}

/// A relative path from the root, without `.` and `..`.
fn resolve(directory: &str, target: &str) -> String {
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(content: &str) -> Text {
        Text {
            path: "docs/map.md".to_owned(),
            content: content.to_owned(),
        }
    }

    #[test]
    fn a_map_that_drifts_is_found() {
        let map = document(
            "| layer | crate |\n|---|---|\n| words | `crates/model` |\n| | `crates/state` |\n\
             See `crates/ghost`, crates/http/src/server.rs.",
        );
        let crates = ["model", "state", "http", "views"].map(str::to_owned);
        let exists = |path: &str| ["crates/model", "crates/state"].contains(&path);
        assert_eq!(
            map_problems(&map, &crates, exists),
            [
                "docs/map.md does not name crates/views",
                "docs/map.md names crates/ghost, which does not exist",
                "docs/map.md names crates/http/src/server.rs, which does not exist",
                "docs/map.md puts state into words; the check says cores",
            ]
        );
    }

    #[test]
    fn links_count_from_their_document() {
        let links = "[a](b.md) [c](../README.md#part) [d](#here) [e](https://x.org/y) [f](no.md#x)";
        let exists = |path: &str| ["docs/b.md", "README.md"].contains(&path);
        let dead = dead_links(&document(links), exists);
        assert_eq!(dead, ["docs/map.md links to no.md#x, which does not exist"]);
    }
}
