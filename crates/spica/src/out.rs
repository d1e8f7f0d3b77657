//! What the commands print: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Prints a line on stdout. A reader that went away (`| head`) ends the program quietly.
pub(crate) fn line(text: impl std::fmt::Display) {
    if writeln!(io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as one line of JSON on stdout.
///
/// # Errors
/// If the value has no JSON form.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<()> {
    line(serde_json::to_string(value)?);
    Ok(())
}

/// Prints a note for people on stderr.
pub(crate) fn note(text: impl std::fmt::Display) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error with its causes on stderr.
pub(crate) fn error(error: &anyhow::Error) {
    note(format_args!("spica: {error:#}"));
}

/// Whether a person watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Prints rows with aligned columns on stdout.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    };
    print(&mut header.iter().copied());
    for row in rows {
        print(&mut row.iter().map(String::as_str));
    }
}
