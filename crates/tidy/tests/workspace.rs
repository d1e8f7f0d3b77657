//! All checks, on the workspace itself.

use spica_tidy::workspace::{self, Text};
use spica_tidy::{documents, layers, sources};

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn exists(path: &str) -> bool {
    workspace::root().join(path).exists()
}

#[test]
fn no_crate_sees_through_a_wall() {
    assert_none(&layers::problems(&workspace::manifests().unwrap()));
}

#[test]
fn pure_crates_do_nothing_but_compute() {
    let is_pure = |text: &&Text| {
        let mut pure = layers::LAYERS[..2]
            .iter()
            .flat_map(|(_, crates)| crates.iter());
        pure.any(|name| *name != "clock" && text.path.starts_with(&format!("crates/{name}/src/")))
    };
    let texts = workspace::texts().unwrap();
    let pure: Vec<_> = texts.iter().filter(is_pure).collect();
    assert!(pure.len() > 8, "only {} files were looked at", pure.len());
    let problems: Vec<_> = pure.into_iter().flat_map(sources::impurities).collect();
    assert_none(&problems);
}

#[test]
fn files_are_short_finished_and_of_no_machine() {
    let texts = workspace::texts().unwrap();
    let problems = texts
        .iter()
        .flat_map(|text| sources::problems(text, sources::LONGER));
    assert_none(&problems.collect::<Vec<_>>());
    for (path, _) in sources::LONGER {
        assert!(exists(path), "{path} is gone: remove it from the ratchet");
    }
}

#[test]
fn the_map_shows_the_tree() {
    let map = workspace::text("ARCHITECTURE.md").unwrap();
    let names = workspace::crate_names().unwrap();
    assert_none(&documents::map_problems(&map, &names, exists));
}

#[test]
fn links_lead_somewhere() {
    let texts = workspace::texts().unwrap();
    let documents: Vec<_> = texts
        .iter()
        .filter(|text| text.path.ends_with(".md"))
        .collect();
    assert!(
        documents.len() > 2,
        "only {} documents were found",
        documents.len()
    );
    let dead: Vec<_> = documents
        .into_iter()
        .flat_map(|document| documents::dead_links(document, exists))
        .collect();
    assert_none(&dead);
}
