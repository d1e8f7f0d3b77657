//! Puts pictures into a store, lists, reads and removes them: for checks of a store by hand, and for
//! the tests against S3 servers.
//!
//! `pictures <location> <directory of parts> check | put <file>… | get <address> <from> <to> | list |
//! remove <address>…`. The S3 server is the one that the environment says (`AWS_ENDPOINT`, …);
//! `TIMEOUT` is the time-out of a request.

#![expect(clippy::print_stdout, reason = "what it finds is its output")]

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use spica_objects::{Address, Header, Limits, PictureStore, S3Settings};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Bytes of a block.
const BLOCK_BYTES: u16 = 1_000;
/// Most pictures in a list.
const LISTED: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [location, incoming, verb, rest @ ..] = arguments.as_slice() else {
        return Err("give a location, a directory of parts, and a verb".into());
    };
    let mut settings = S3Settings::default();
    if let Ok(timeout) = std::env::var("TIMEOUT") {
        settings.timeout = timeout.parse()?;
    }
    let limits = Limits::default();
    let store = PictureStore::open_with(location, Path::new(incoming), limits, &settings)?;
    match (verb.as_str(), rest) {
        ("check", []) => store.check().await?,
        ("put", files) => {
            for (number, file) in files.iter().enumerate() {
                println!("{}", put(&store, number, file).await?);
            }
        }
        ("get", [address, from, to]) => {
            let range = from.parse()?..to.parse()?;
            let bytes = store.read_range(&address.parse()?, range).await?;
            std::io::stdout().write_all(&bytes)?;
        }
        ("list", []) => {
            for (address, bytes) in store.list(LISTED).await? {
                println!("{address} {bytes}");
            }
        }
        ("remove", addresses) => {
            for address in addresses {
                store.remove(&address.parse()?).await?;
            }
        }
        _ => return Err(format!("{verb} is no verb, or has other arguments").into()),
    }
    Ok(())
}

/// Puts a file as a device would, block by block.
async fn put(store: &PictureStore, number: usize, file: &str) -> Outcome<Address> {
    let content = bytes::Bytes::from(std::fs::read(file)?);
    let header = Header {
        picture: number.try_into()?,
        size: content.len().try_into()?,
        block_bytes: BLOCK_BYTES,
        crc32: crc32fast::hash(&content),
    };
    let mut upload = store.resume("EXAMPLE", header).await?;
    while let Some(block) = upload.next_block() {
        let from = usize::from(block) * usize::from(BLOCK_BYTES);
        let to = (from + usize::from(BLOCK_BYTES)).min(content.len());
        upload.put_block(block, content.slice(from..to)).await?;
    }
    Ok(upload.finish().await?.address)
}
