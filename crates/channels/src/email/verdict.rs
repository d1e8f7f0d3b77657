//! What a mail server's refusal means.

use lettre::transport::smtp::Error;
use spica_alerts::Outcome;

use crate::answer;

/// Codes by which a server refuses who asks and not the mail (RFC 4954). Somebody will mend that, and
/// until then nobody should take the mail for impossible.
const LOGIN: [u16; 4] = [530, 534, 535, 538];

/// 5xx refuses the mail; all else may work later.
pub(super) fn of(error: &Error) -> Outcome {
    let said = answer::with_causes(error);
    let code = error.status().map(u16::from);
    match code {
        Some(code) if error.is_permanent() && !LOGIN.contains(&code) => answer::refused(&said),
        _ => answer::retry(&said),
    }
}
