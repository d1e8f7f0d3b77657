use std::collections::BTreeSet;
use std::path::Path;

use crate::{asset, import_map, page, table, version};

/// All files below a directory of the repository, by their paths below it.
fn files(below: &str) -> BTreeSet<String> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let path = path.strip_prefix(root).unwrap();
                found.insert(path.to_str().unwrap().to_owned());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    let mut found = BTreeSet::new();
    walk(&root, &root, &mut found);
    found
}

#[test]
fn every_file_is_served_and_nothing_else() {
    let mut own = files("assets");
    assert!(own.remove("index.html"), "the page is served by itself");
    let served: BTreeSet<_> = table::OWN.iter().map(|s| s.path.to_owned()).collect();
    assert_eq!(served, own, "add or remove it in table.rs");

    let client = files("../../clients/js/src");
    let client = client.iter().map(|path| format!("client/src/{path}"));
    let client: BTreeSet<_> = client.chain(["client/index.js".to_owned()]).collect();
    let served: BTreeSet<_> = table::CLIENT.iter().map(|s| s.path.to_owned()).collect();
    assert_eq!(served, client, "add or remove it in table.rs");
}

#[test]
fn each_library_brings_its_licence() {
    for library in ["preact", "htm", "uplot"] {
        let licence = asset(&format!("vendor/{library}/LICENSE")).unwrap();
        assert!(licence.bytes.len() > 500, "{library}");
        assert_eq!(licence.content_type, "text/plain; charset=utf-8");
    }
}

#[test]
fn what_the_page_asks_for_is_there() {
    let html = page().html;
    let prefix = format!("/console/{}/", version());
    let asked: Vec<_> = html
        .split('"')
        .filter_map(|part| part.strip_prefix(prefix.as_str()))
        .collect();
    assert!(asked.len() > 10, "{asked:?}");
    for path in asked {
        assert!(asset(path).is_some(), "{path}");
    }
    assert!(!html.contains("{version}"));
}

#[test]
fn what_modules_import_is_there() {
    let map = import_map(page().html);
    for source in table::OWN.iter().chain(table::CLIENT) {
        if !source.path.ends_with(".js") || source.path.starts_with("vendor/") {
            continue;
        }
        let text = std::str::from_utf8(source.bytes).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("import ") || line.starts_with("} from "));
        for name in lines.filter_map(|line| line.split('\'').nth(1)) {
            if name.starts_with('.') {
                let folder = Path::new(source.path).parent().unwrap().join(name);
                let mut parts: Vec<&str> = Vec::new();
                for part in folder.to_str().unwrap().split('/') {
                    match part {
                        "." => {}
                        ".." => drop(parts.pop()),
                        part => parts.push(part),
                    }
                }
                assert!(asset(&parts.join("/")).is_some(), "{}: {name}", source.path);
            } else if !name.starts_with("node:") {
                assert!(
                    map.contains(&format!("\"{name}\"")),
                    "{}: {name}",
                    source.path
                );
            }
        }
    }
}

#[test]
fn the_page_has_nothing_inline_but_the_map_that_its_policy_names() {
    let html = page().html;
    assert_eq!(
        html.matches("<script").count(),
        2,
        "the map and the first module"
    );
    for inline in [
        "<style",
        " style=",
        " onclick=",
        " onload=",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!html.contains(inline), "{inline}");
    }
    let policy = page().policy;
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("script-src 'self' 'sha256-"), "{policy}");
    assert!(import_map(html).contains("\"preact\""));
}

#[test]
fn tags_and_types_are_those_of_the_bytes() {
    let main = asset("app/main.js").unwrap();
    assert_eq!(main.content_type, "text/javascript; charset=utf-8");
    assert_eq!(main.etag.len(), 34);
    assert_ne!(main.etag, asset("css/base.css").unwrap().etag);
    assert_ne!(main.etag, page().etag);
    assert_eq!(
        asset("css/base.css").unwrap().content_type,
        "text/css; charset=utf-8"
    );
    assert_eq!(asset("icon.svg").unwrap().content_type, "image/svg+xml");
    assert_eq!(asset("../Cargo.toml"), None);
    assert_eq!(asset(""), None);
    assert_eq!(version().len(), 16);
}
