//! The walls between the layers, read from the manifests.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::Manifest;

/// The layers, from the top: a crate depends on crates of the layers above its own.
pub const LAYERS: [(&str, &[&str]); 7] = [
    ("words", &["model", "clock", "settings"]),
    (
        "cores",
        &[
            "identicom-proto",
            "admission",
            "proxy-proto",
            "dc09-proto",
            "devices",
            "cases",
            "alerts",
            "alarms",
            "proof",
            "console",
            "live-proto",
            "matcher",
            "mqtt-routes",
            "mqtt-access",
            "live",
            "ws-proto",
            "mqtt-proto",
            "mqtt",
            "rules",
            "sparkplug",
            "state",
            "journal-format",
            "pair",
            "pair-proto",
        ],
    ),
    (
        "ports",
        &["journal", "notify", "storage", "role", "handler"],
    ),
    (
        "adapters",
        &[
            "journal-file",
            "views",
            "objects",
            "trust",
            "witness",
            "media",
            "channels",
            "desk",
            "history",
            "live-hub",
            "front",
            "mqtt-client",
            "rule-engine",
            "bridge",
            "sparkplug-host",
        ],
    ),
    (
        "shells",
        &[
            "station-identicom",
            "station-mqtt",
            "http",
            "link-pair",
            "handlers",
        ],
    ),
    ("assembly", &["node", "spica"]),
    (
        "tools",
        &[
            "client",
            "fleet",
            "bench",
            "fixture",
            "fuzz-targets",
            "sim",
            "tidy",
        ],
    ),
];

/// Dependencies within a layer, or down the list, that are meant.
pub const EXCEPTIONS: [(&str, &str); 27] = [
    ("clock", "model"),
    ("cases", "devices"),
    ("alerts", "cases"),
    ("proof", "cases"),
    ("alarms", "cases"),
    ("alarms", "alerts"),
    ("live", "live-proto"),
    ("live", "matcher"),
    ("mqtt-routes", "matcher"),
    ("mqtt-access", "matcher"),
    ("mqtt-access", "admission"),
    ("mqtt", "mqtt-proto"),
    ("rules", "cases"),
    ("live-hub", "views"),
    ("desk", "views"),
    ("rule-engine", "channels"),
    ("bridge", "mqtt-client"),
    ("media", "objects"),
    ("pair-proto", "pair"),
    ("pair-proto", "journal-format"),
    ("spica", "node"),
    ("spica", "fleet"),
    ("spica", "client"),
    ("spica", "bench"),
    ("bench", "fleet"),
    ("bench", "fixture"),
    ("fixture", "fleet"),
];

/// What may not be reached by whom, not even through others, and why.
const APART: [(&str, &str, &str); 1] = [(
    "fleet",
    "identicom-proto",
    "the simulator has an encoder of its own, or it would agree with our mistakes",
)];

/// Runtimes: neither words nor cores nor ports know any.
const RUNTIMES: [&str; 11] = [
    "tokio",
    "tokio-util",
    "tokio-stream",
    "tokio-rustls",
    "async-trait",
    "axum",
    "hyper",
    "hyper-util",
    "reqwest",
    "tower",
    "tower-http",
];

/// Disks, sockets, clocks and chance: neither words nor cores know any.
const SYSTEM: [&str; 10] = [
    "rustix",
    "libc",
    "socket2",
    "mio",
    "rustls",
    "object_store",
    "redb",
    "getrandom",
    "rand",
    "spica-clock",
];

/// The layer of a crate, 0 for the top one.
fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, crates)| crates.contains(&name))
}

/// Our own crates among packages, by folder.
fn ours<'a>(packages: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let folder = |package: &'a String| match package.as_str() {
        "spica" => Some("spica"),
        other => other.strip_prefix("spica-"),
    };
    packages.iter().filter_map(folder)
}

/// Everything that is wrong with the dependencies of the workspace.
#[must_use]
pub fn problems(manifests: &[Manifest]) -> Vec<String> {
    let mut problems = membership(manifests);
    for manifest in manifests {
        problems.extend(walls(manifest));
        problems.extend(purity(manifest));
    }
    problems.extend(apart(manifests));
    problems.extend(stale_exceptions(manifests));
    problems
}

/// Every crate stands in one layer, under its own name.
fn membership(manifests: &[Manifest]) -> Vec<String> {
    let mut problems = Vec::new();
    for Manifest { name, package, .. } in manifests {
        if layer_of(name).is_none() {
            problems.push(format!("crates/{name} stands in no layer"));
        }
        if *package != format!("spica-{name}") && package != name {
            problems.push(format!("crates/{name} holds the package {package}"));
        }
    }
    let listed = LAYERS.iter().flat_map(|(_, crates)| crates.iter().copied());
    for name in listed {
        if !manifests.iter().any(|manifest| manifest.name == name) {
            problems.push(format!(
                "crates/{name} stands in a layer but does not exist"
            ));
        }
    }
    problems
}

/// A crate depends on layers above it. Tests may use more, but of the pure crates only as much as
/// the crates themselves, and no shell looks into another in any case.
fn walls(manifest: &Manifest) -> Vec<String> {
    let Some(own) = layer_of(&manifest.name) else {
        return Vec::new();
    };
    let above = |other: &str| layer_of(other).is_some_and(|layer| layer < own);
    let meant = |other: &str| EXCEPTIONS.contains(&(manifest.name.as_str(), other));
    let wrong = |other: &&str| !above(other) && !meant(other);
    let say = |other: &str, how: &str| {
        let layer = |name| layer_of(name).map_or("no layer", |layer| LAYERS[layer].0);
        let (name, mine, its) = (&manifest.name, layer(&manifest.name), layer(other));
        format!("crates/{name} ({mine}) {how} crates/{other} ({its}): only layers above are seen")
    };
    let built = ours(&manifest.dependencies).filter(wrong);
    let mut problems: Vec<_> = built.map(|other| say(other, "depends on")).collect();
    let in_tests = ours(&manifest.dev_dependencies).filter(wrong);
    let is = |layer: usize, name: &str| LAYERS[layer].0 == name;
    let refused_in_tests = in_tests.filter(|other| {
        let beside = layer_of(other) == Some(own);
        is(own, "words") || is(own, "cores") || (is(own, "shells") && beside)
    });
    problems.extend(refused_in_tests.map(|other| say(other, "tests with")));
    problems
}

/// Words and cores know no runtime and no system; ports know no runtime.
fn purity(manifest: &Manifest) -> Vec<String> {
    let layer = layer_of(&manifest.name).map_or("", |layer| LAYERS[layer].0);
    let forbidden: Vec<&str> = match layer {
        "words" | "cores" => RUNTIMES.into_iter().chain(SYSTEM).collect(),
        "ports" => RUNTIMES.into(),
        _ => Vec::new(),
    };
    let found = forbidden
        .into_iter()
        .filter(|package| manifest.dependencies.contains(*package));
    found
        .map(|package| {
            let name = &manifest.name;
            format!("crates/{name} depends on {package}: {layer} are free of I/O, clocks and tasks")
        })
        .collect()
}

/// Nobody reaches what must stay apart from them.
fn apart(manifests: &[Manifest]) -> Vec<String> {
    let depends: BTreeMap<&str, &BTreeSet<String>> = manifests
        .iter()
        .map(|manifest| (manifest.name.as_str(), &manifest.dependencies))
        .collect();
    let mut problems = Vec::new();
    for (from, to, why) in APART {
        let in_tests = manifests
            .iter()
            .filter(|manifest| manifest.name == from)
            .any(|manifest| ours(&manifest.dev_dependencies).any(|name| name == to));
        if in_tests || reaches(&depends, from, to) {
            problems.push(format!("crates/{from} reaches crates/{to}: {why}"));
        }
    }
    problems
}

fn reaches(depends: &BTreeMap<&str, &BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            next.extend(
                depends
                    .get(name)
                    .into_iter()
                    .flat_map(|packages| ours(packages)),
            );
        }
    }
    false
}

/// An exception that nobody needs is a hole in the wall.
fn stale_exceptions(manifests: &[Manifest]) -> Vec<String> {
    let needed = |from: &str, to: &str| {
        let mut of_from = manifests.iter().filter(|manifest| manifest.name == from);
        of_from.any(|manifest| ours(&manifest.dependencies).any(|name| name == to))
    };
    let stale = EXCEPTIONS.iter().filter(|(from, to)| !needed(from, to));
    stale
        .map(|(from, to)| format!("crates/{from} does not need its exception for crates/{to}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crates of all layers, each with what the exceptions are for, and one with more.
    fn workspace(changed: &str, section: &str, dependency: &str) -> Vec<Manifest> {
        let names = LAYERS.iter().flat_map(|(_, crates)| crates.iter());
        let manifest = |name: &&str| {
            let exceptions = EXCEPTIONS.iter().filter(|(from, _)| from == name);
            let mut text = format!("[package]\nname = \"spica-{name}\"\n[dependencies]\n");
            text.extend(exceptions.map(|(_, to)| format!("spica-{to} = \"1\"\n")));
            if *name == changed {
                text.push_str(&format!("[{section}]\n{dependency} = \"1\"\n"));
            }
            Manifest::parse(name, &text).unwrap()
        };
        names.map(manifest).collect()
    }

    #[test]
    fn what_goes_through_a_wall_is_found() {
        let build = "build-dependencies";
        let dev = "dev-dependencies";
        for (name, section, dependency, said) in [
            (
                "state",
                build,
                "spica-journal",
                "crates/state (cores) depends on crates/journal",
            ),
            (
                "state",
                build,
                "spica-devices",
                "crates/state (cores) depends on crates/devices",
            ),
            (
                "state",
                dev,
                "spica-views",
                "crates/state (cores) tests with crates/views",
            ),
            (
                "http",
                build,
                "spica-station-identicom",
                "(shells) depends on",
            ),
            (
                "http",
                dev,
                "spica-station-identicom",
                "(shells) tests with",
            ),
            ("http", build, "spica-nowhere", "crates/nowhere (no layer)"),
            ("devices", build, "tokio", "crates/devices depends on tokio"),
            ("model", build, "rustix", "crates/model depends on rustix"),
            (
                "admission",
                build,
                "spica-clock",
                "crates/admission depends on spica-clock",
            ),
            ("journal", build, "tokio", "crates/journal depends on tokio"),
            (
                "fleet",
                build,
                "spica-identicom-proto",
                "crates/fleet reaches",
            ),
            (
                "fleet",
                dev,
                "spica-identicom-proto",
                "crates/fleet reaches",
            ),
            ("fleet", build, "spica-fuzz-targets", "(tools) depends on"),
        ] {
            let problems = problems(&workspace(name, section, dependency));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(said), "{problems:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_left_alone() {
        for (name, section, dependency) in [
            ("views", "build-dependencies", "tokio"),
            ("views", "dev-dependencies", "spica-journal-file"),
            ("http", "build-dependencies", "spica-views"),
            ("state", "dev-dependencies", "proptest"),
            ("storage", "build-dependencies", "rustix"),
            ("admission", "dev-dependencies", "spica-clock"),
        ] {
            let problems = problems(&workspace(name, section, dependency));
            assert_eq!(problems, Vec::<String>::new());
        }
    }

    #[test]
    fn strangers_and_ghosts_are_found() {
        let mut manifests = workspace("none", "none", "none");
        manifests.retain(|manifest| manifest.name != "bench");
        let stranger = "[package]\nname = \"spica-odd\"";
        manifests.push(Manifest::parse("stranger", stranger).unwrap());
        let problems = problems(&manifests);
        assert_eq!(
            problems,
            [
                "crates/stranger stands in no layer",
                "crates/stranger holds the package spica-odd",
                "crates/bench stands in a layer but does not exist",
                "crates/bench does not need its exception for crates/fleet",
                "crates/bench does not need its exception for crates/fixture",
            ]
        );
    }

    #[test]
    fn a_way_around_is_found() {
        let mut manifests = workspace("fleet", "build-dependencies", "spica-model");
        for manifest in &mut manifests {
            if manifest.name == "model" {
                manifest
                    .dependencies
                    .insert("spica-identicom-proto".to_owned());
            }
        }
        let problems = problems(&manifests);
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains("crates/fleet reaches"))
        );
    }
}
