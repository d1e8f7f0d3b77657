//! History as a stream of lines: read piece by piece, as fast as the client takes them.

use std::io;

use bytes::Bytes;
use futures::Stream;

use crate::problem::Problem;
use crate::scan::{Found, Scan};
use crate::state::App;
use crate::tables::Table;

/// Bytes after which a piece is sent.
const PIECE_BYTES: usize = 64 << 10;
/// Records that one piece may read: other readers get their turn in between.
const PIECE_RECORDS: usize = 10_000;

/// An export under way.
pub(crate) struct Export {
    app: App,
    table: Table,
    state: State,
}

enum State {
    Begin(Cursor),
    Rows(Cursor),
    Done,
}

struct Cursor {
    scan: Scan,
    /// Records that may still come.
    left: Option<usize>,
}

impl Export {
    pub(crate) fn new(app: App, scan: Scan, table: Table, limit: Option<usize>) -> Self {
        Self {
            app,
            table,
            state: State::Begin(Cursor { scan, left: limit }),
        }
    }

    /// The body. It ends in an error, so that the client sees that it is not whole, when a file
    /// cannot be read.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, io::Error>> {
        futures::stream::unfold(self, |mut export| async move {
            let piece = export.piece().await.transpose()?;
            Some((piece, export))
        })
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, io::Error> {
        let mut out = Vec::with_capacity(PIECE_BYTES + 4_096);
        let cursor = match std::mem::replace(&mut self.state, State::Done) {
            State::Begin(cursor) => {
                self.table.begin(&mut out);
                cursor
            }
            State::Rows(cursor) => cursor,
            State::Done => return Ok(None),
        };
        let (table, metrics) = (self.table, self.app.parts.metrics.clone());
        let work = move || {
            let mut budget = PIECE_RECORDS;
            let read = read_piece(table, cursor, out, &mut budget);
            metrics.scanned.inc_by((PIECE_RECORDS - budget) as u64);
            read
        };
        let (cursor, out) = self
            .app
            .offload
            .run(work)
            .await
            .flatten()
            .map_err(|problem| failed(&problem))?;
        if let Some(cursor) = cursor {
            self.state = State::Rows(cursor);
        }
        Ok(Some(out.into()))
    }
}

fn failed(problem: &Problem) -> io::Error {
    tracing::warn!(detail = problem.detail(), "an export of history broke off");
    io::Error::other(problem.detail().to_owned())
}

/// The cursor to go on with, if there is more, and the bytes.
fn read_piece(
    table: Table,
    mut cursor: Cursor,
    mut out: Vec<u8>,
    budget: &mut usize,
) -> Result<(Option<Cursor>, Vec<u8>), Problem> {
    while out.len() < PIECE_BYTES {
        if cursor.left == Some(0) {
            let next = cursor.scan.has_more()?.then(|| cursor.scan.place());
            table.end(&mut out, next);
            return Ok((None, out));
        }
        let found = cursor.scan.next(budget)?;
        match found {
            Found::Paused => break,
            Found::End => {
                table.end(&mut out, None);
                return Ok((None, out));
            }
            Found::Record(_) => cursor.left = cursor.left.map(|left| left - 1),
            Found::Gap { .. } | Found::Damaged(_) => {}
        }
        table.find(&mut out, &found, cursor.scan.place());
    }
    Ok((Some(cursor), out))
}
