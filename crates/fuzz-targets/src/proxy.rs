//! Fuzz target: PROXY protocol headers. The first byte says in pieces of how many bytes the rest
//! arrives.

use spica_proxy_proto::{Header, ParseError, Parser, Progress, V2_FIXED_BYTES, V2_REST_BYTES_MAX};

/// Runs the target on one input.
///
/// # Panics
/// If the pieces change the answer, more is taken than a header can have, or a header that was read
/// is not read again from what [`Header`] writes.
pub fn run(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else {
        return;
    };
    let (whole, taken) = parse(bytes, bytes.len().max(1));
    let in_pieces = parse(bytes, usize::from(*piece).max(1));
    assert_eq!((whole, taken), in_pieces, "the pieces change the answer");
    assert!(taken <= V2_FIXED_BYTES + V2_REST_BYTES_MAX);
    if let Ok(Some(header)) = whole {
        written_is_read(header);
    }
}

/// What the parser says of `bytes` that arrive in pieces, and how many of them it took.
fn parse(bytes: &[u8], piece: usize) -> (Result<Option<Header>, ParseError>, usize) {
    let mut parser = Parser::default();
    let mut before = 0;
    for part in bytes.chunks(piece) {
        match parser.push(part) {
            Ok(Progress::More) => before += part.len(),
            Ok(Progress::Done { header, taken }) => return (Ok(Some(header)), before + taken),
            // How much was there when the error showed depends on the pieces, and matters to nobody.
            Err(error) => return (Err(error), 0),
        }
    }
    (Ok(None), 0)
}

fn written_is_read(header: Header) {
    let encoded = header.encode_v2(&[]);
    assert_eq!(parse(&encoded, encoded.len()).0, Ok(Some(header)));
    let line = header.encode_v1();
    let of_line = if header == Header::Local {
        Header::Unknown
    } else {
        header
    };
    assert_eq!(parse(&line, line.len()).0, Ok(Some(of_line)));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_passes() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/proxy");
        let mut files = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::run(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 12, "only {files} files in {corpus}");
    }
}
