//! Cases in text files: what is given, and what is said about it.
//!
//! A case is a `=== name`, the input, a line `---` and the output. `UPDATE_DOCS=1` writes the output
//! that is had into the file: read the difference before committing it.

use std::path::{Path, PathBuf};

/// Whether generated files are to be written instead of compared.
pub(super) fn updates() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1")
}

/// Compares `path` with `text`, or writes it.
pub(super) fn compare(path: &Path, text: &str) {
    if updates() {
        std::fs::write(path, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let differs = committed
        .lines()
        .zip(text.lines())
        .position(|(a, b)| a != b);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(text.lines().count())) + 1;
    assert!(
        committed == text,
        "{} is out of date from line {line} on:\n  file: {:?}\n  code: {:?}\n\
         `UPDATE_DOCS=1 cargo test -p spica-node config` writes it again",
        path.display(),
        committed.lines().nth(line - 1).unwrap_or(""),
        text.lines().nth(line - 1).unwrap_or(""),
    );
}

/// Runs every case of `testdata/<name>` and compares.
pub(super) fn check(name: &str, run: impl Fn(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/config/testdata")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, cases) = text.split_once("=== ").unwrap();
    let mut had = head.to_owned();
    for case in cases.split("\n=== ") {
        let (title, rest) = case.split_once('\n').unwrap();
        let input = rest.split("\n---\n").next().unwrap().trim_end_matches('\n');
        let output = run(input);
        let lines = output
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n");
        had.push_str(&format!(
            "=== {title}\n{input}\n---\n{}\n\n",
            lines.trim_end()
        ));
    }
    let had = format!("{}\n", had.trim_end());
    compare(&path, &had);
}
