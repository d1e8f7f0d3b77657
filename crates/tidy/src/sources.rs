//! What stands in files: sizes, and words that must not.

use crate::workspace::Text;

/// Longest source file, in lines.
pub const LINES: usize = 500;

/// Files that may be longer, with the most lines they may have: a ratchet that only ever loosens
/// its grip on files that have become shorter. It is empty, and should stay so.
pub const LONGER: &[(&str, usize)] = &[];

/// Paths below which a machine or a person keeps their own things.
const PRIVATE: [&str; 4] = ["work", "root", "home", "Users"];

/// What production code of a pure crate does not mention, and what it does instead.
const IMPURE: [(&str, &str); 12] = [
    (
        "std::fs",
        "a shell or adapter reads the file and passes the bytes",
    ),
    ("std::env", "settings are passed in"),
    ("std::process", "a shell ends processes"),
    ("std::thread", "a shell or adapter has the threads"),
    ("SystemTime", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("TcpStream", "a shell has the sockets"),
    ("TcpListener", "a shell has the sockets"),
    ("UdpSocket", "a shell has the sockets"),
    ("UnixStream", "a shell has the sockets"),
    ("ToSocketAddrs", "a shell asks for names"),
    (
        "RandomState",
        "the order of a hash map is chance; name the hasher",
    ),
];

/// What is wrong with a file of any crate, or a document.
#[must_use]
pub fn problems(text: &Text, longer: &[(&str, usize)]) -> Vec<String> {
    let mut problems = Vec::new();
    let is_source = text.path.ends_with(".rs");
    if is_source {
        problems.extend(length(text, longer));
    }
    for (number, line) in (1..).zip(text.content.lines()) {
        let place = || format!("{}:{number}", text.path);
        if is_source && without_comment(line).contains(concat!("todo", "!")) {
            problems.push(format!("{} is not done", place()));
        }
        if let Some(path) = private_path(line) {
            problems.push(format!(
                "{} names {path}, which is one machine's own",
                place()
            ));
        }
    }
    problems
}

fn length(text: &Text, longer: &[(&str, usize)]) -> Option<String> {
    let path = &text.path;
    let lines = text.content.lines().count();
    let known = longer.iter().find(|(long, _)| long == path);
    let most = known.map_or(LINES, |(_, most)| *most);
    if lines > most {
        return Some(format!(
            "{path} has {lines} lines, more than {most}: split it by role"
        ));
    }
    if known.is_some() && lines < most {
        return Some(format!(
            "{path} has {lines} lines now: lower its ratchet from {most}"
        ));
    }
    None
}

/// A path on a line that leads into somebody's own folder.
fn private_path(line: &str) -> Option<String> {
    let starts_a_path = |at: usize| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"/._-}*".contains(c))
    };
    for (at, _) in line.match_indices('/').filter(|(at, _)| starts_a_path(*at)) {
        let mut parts = line[at + 1..].splitn(2, '/');
        let (first, rest) = (parts.next()?, parts.next());
        if rest.is_some() && PRIVATE.contains(&first) {
            return Some(format!("/{first}/"));
        }
    }
    None
}

/// What production code of a pure crate should not mention.
#[must_use]
pub fn impurities(text: &Text) -> Vec<String> {
    let tests_only = text.path.contains("/tests/")
        || text.path.ends_with("/tests.rs")
        || text.path.ends_with("_tests.rs");
    if tests_only {
        return Vec::new();
    }
    let production = (1..)
        .zip(text.content.lines())
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"));
    let mut problems = Vec::new();
    for (number, line) in production {
        let code = without_comment(line);
        for (word, instead) in IMPURE {
            if code.contains(word) {
                problems.push(format!("{}:{number} mentions {word}: {instead}", text.path));
            }
        }
    }
    problems
}

/// The line up to a comment; a `//` in a text counts as one, which costs nothing here.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str) -> Text {
        let (path, content) = (path.to_owned(), content.to_owned());
        Text { path, content }
    }

    #[test]
    fn long_files_are_found_and_the_ratchet_holds() {
        let at_limit = "\n".repeat(LINES);
        assert_eq!(
            problems(&file("a.rs", &at_limit), &[]),
            Vec::<String>::new()
        );
        let over = file("a.rs", &"\n".repeat(LINES + 1));
        assert!(problems(&over, &[])[0].contains("has 501 lines"));
        assert_eq!(problems(&over, &[("a.rs", 501)]), Vec::<String>::new());
        assert!(problems(&over, &[("a.rs", 502)])[0].contains("lower its ratchet"));
        let document = file("a.md", &over.content);
        assert_eq!(problems(&document, &[]), Vec::<String>::new());
    }

    #[test]
    fn unfinished_code_is_found() {
        let text = concat!("fn f() { todo", "!() }\n// todo", "!\n");
        assert_eq!(problems(&file("a.rs", text), &[]), ["a.rs:1 is not done"]);
    }

    #[test]
    fn private_paths_are_found() {
        let [work, _, home, users] = PRIVATE;
        for line in [
            format!("/{work}/main"),
            format!("cd /{work}/x"),
            format!("\"/{home}/me/x\""),
            format!("[x](/{users}/me)"),
            format!("a=/{home}/me"),
        ] {
            let found = problems(&file("a.md", &line), &[]);
            assert!(
                found.len() == 1 && found[0].contains("one machine's own"),
                "{line}"
            );
        }
        for line in [
            format!("GET /v1/topics/{home}/x"),
            format!("../{work}/x"),
            format!("/{work}"),
            format!("{{prefix}}/{home}/x"),
            "/etc/spica/x".to_owned(),
        ] {
            assert_eq!(
                problems(&file("a.md", &line), &[]),
                Vec::<String>::new(),
                "{line}"
            );
        }
    }

    #[test]
    fn impurities_are_found_in_production_code_alone() {
        for (word, _) in IMPURE {
            let text = format!("//! No {word}.\nuse {word};\n#[cfg(test)]\nuse {word};\n");
            let found = impurities(&file("crates/x/src/a.rs", &text));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("crates/x/src/a.rs:2 mentions {word}")));
            assert!(impurities(&file("crates/x/src/a/tests.rs", &text)).is_empty());
        }
        let addresses = "use std::net::{IpAddr, SocketAddr};\nuse std::time::Instant;\n";
        assert!(impurities(&file("crates/x/src/a.rs", addresses)).is_empty());
    }
}
