//! History as a Parquet file, for programs that read many records at once.

use std::io::{Seek as _, SeekFrom};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use spica_history::ParquetWriter;
use tokio_util::io::ReaderStream;

use super::history::Checked;
use crate::buffers::hold;
use crate::problem::{Problem, ProblemKind};
use crate::scan::Found;
use crate::state::App;

/// The media type.
pub(crate) const PARQUET: &str = "application/vnd.apache.parquet";

/// Writes what is wanted to a file that has no name, and sends it. The end of such a file says where
/// everything stands in it, so nothing can be sent before all is written.
pub(crate) async fn parquet(
    app: &App,
    checked: Checked,
    limit: Option<usize>,
) -> Result<Response, Problem> {
    let Ok(place) = Arc::clone(&app.exports).try_acquire_owned() else {
        app.parts.metrics.refused("exports");
        return Err(Problem::busy(
            "too many exports are running (http.max_exports); try again later",
        ));
    };
    let worker = app.clone();
    let written = app
        .offload
        .run(move || write(&worker, checked, limit))
        .await??;
    let file = tokio::fs::File::from_std(written);
    let body = hold(Body::from_stream(ReaderStream::new(file)), place);
    let name = "attachment; filename=\"history.parquet\"";
    let headers = [
        (header::CONTENT_TYPE, PARQUET),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, body).into_response())
}

fn write(app: &App, checked: Checked, limit: Option<usize>) -> Result<std::fs::File, Problem> {
    let mut scan = checked.scan(app)?;
    let file = tempfile::tempfile().map_err(failed)?;
    let mut writer = ParquetWriter::new(file).map_err(failed)?;
    let (mut left, mut budget) = (limit.unwrap_or(usize::MAX), usize::MAX);
    while left > 0 {
        match scan.next(&mut budget)? {
            Found::Record(record) => {
                writer.write(record).map_err(failed)?;
                left -= 1;
            }
            Found::Gap { lane, from, to } => {
                tracing::warn!(%lane, %from, %to, "an export lacks records that retention removed");
            }
            Found::Damaged(damage) => return Err(damaged(&damage)),
            Found::Paused | Found::End => break,
        }
    }
    let mut file = writer.finish().map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(file)
}

/// A file has no place to say that something is missing in it.
fn damaged(damage: &spica_journal::Damage) -> Problem {
    let detail = format!(
        "{} records {} to {} cannot be read: export around them (class, from, to), or as ndjson, which \
         says what is missing",
        damage.lane, damage.from, damage.to
    );
    Problem::new(ProblemKind::Internal, detail)
}

fn failed(error: impl std::fmt::Display) -> Problem {
    Problem::new(
        ProblemKind::Internal,
        format!("the export cannot be written: {error}"),
    )
}
