//! The console: the files that a browser gets, and nothing else.
//!
//! They are plain: modules, styles and libraries as they stand in `assets`, and the JavaScript client
//! of live sessions as it stands in `clients/js`. There is no build step. All of them, but for the
//! page itself, have paths below a *version*, which is a hash of everything: a browser keeps them
//! for ever and asks again only for the page.
//!
//! What is not here: HTTP (`crates/http` serves them), data, texts made at run time.

mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

/// The page, in which `{version}` stands for the version.
const PAGE: &str = include_str!("../assets/index.html");

/// A file as the table has it.
struct Source {
    path: &'static str,
    bytes: &'static [u8],
}

/// A file that a browser asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// What it holds.
    pub bytes: &'static [u8],
    /// Its media type, with the character set where it is text.
    pub content_type: &'static str,
    /// An entity tag in its quotes: a hash of the bytes.
    pub etag: &'static str,
}

/// The page that loads everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The document.
    pub html: &'static str,
    /// An entity tag in its quotes.
    pub etag: &'static str,
    /// The value of `Content-Security-Policy` under which it works: only files of this server, no
    /// code or style in the document but for its import map, which is named by its hash.
    pub policy: &'static str,
}

/// All that is made of the files once.
struct Console {
    version: String,
    assets: BTreeMap<&'static str, (Asset, String)>,
    html: String,
    etag: String,
    policy: String,
}

static CONSOLE: LazyLock<Console> = LazyLock::new(Console::new);

impl Console {
    fn new() -> Self {
        let sources = || table::OWN.iter().chain(table::CLIENT);
        let mut all = Sha256::new_with_prefix(PAGE);
        let assets = sources().map(|source| {
            all.update(source.path);
            all.update(source.bytes);
            let asset = Asset {
                bytes: source.bytes,
                content_type: content_type(source.path),
                etag: "",
            };
            (source.path, (asset, etag(source.bytes)))
        });
        let assets = assets.collect();
        let version = hex(&all.finalize()[..8]);
        let html = PAGE.replace("{version}", &version);
        Self {
            policy: policy(import_map(&html)),
            etag: etag(html.as_bytes()),
            version,
            assets,
            html,
        }
    }
}

/// What stands between the other in each path of a file: `/console/<version>/<path>`. It changes
/// with every change of any file.
#[must_use]
pub fn version() -> &'static str {
    &CONSOLE.version
}

/// A file by its path below the version, such as `app/main.js`.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let (asset, etag) = CONSOLE.assets.get(path)?;
    Some(Asset { etag, ..*asset })
}

/// The page.
#[must_use]
pub fn page() -> Page {
    Page {
        html: &CONSOLE.html,
        etag: &CONSOLE.etag,
        policy: &CONSOLE.policy,
    }
}

/// The text of the import map, the one script within the page: a browser takes it from nowhere else.
fn import_map(html: &str) -> &str {
    let inside = html.split_once("<script type=\"importmap\">");
    let inside = inside.and_then(|(_, rest)| rest.split_once("</script>"));
    inside.map_or("", |(map, _)| map)
}

fn policy(import_map: &str) -> String {
    let hash = BASE64.encode(Sha256::digest(import_map));
    format!(
        "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'self'; connect-src 'self'; \
         img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(bytes)[..16]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
