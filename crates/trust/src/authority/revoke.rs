//! Which certificates are meant by a revocation.

use spica_model::{Timestamp, Topic};

use super::error::RevokeError;
use super::index::{Entry, Index};
use super::serial::Serial;
use super::sign;
use crate::identity::{NodeIdentity, Side};

/// Which certificates are revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoke {
    /// The one with this serial number.
    Serial(Serial),
    /// All of a node: of one side of a pair, or of both and of none.
    Node {
        /// Its path.
        node: Topic,
        /// Its side; without one, all.
        side: Option<Side>,
    },
}

/// Marks entries as revoked and says which.
pub(super) fn mark(
    index: &mut Index,
    which: &Revoke,
    now: Timestamp,
) -> Result<Vec<Entry>, RevokeError> {
    let meant = |entry: &Entry| match which {
        Revoke::Serial(serial) => entry.serial == *serial,
        Revoke::Node { node, side } => {
            entry.node == *node && (side.is_none() || entry.side == *side)
        }
    };
    let mut known = false;
    let mut revoked = Vec::new();
    for entry in index.issued.iter_mut().filter(|entry| meant(entry)) {
        known = true;
        if entry.revoked.is_none() {
            entry.revoked = Some(sign::whole_second(now));
            revoked.push(entry.clone());
        }
    }
    match which {
        Revoke::Serial(serial) if !known => Err(RevokeError::Unknown(*serial)),
        Revoke::Node { node, side } if revoked.is_empty() => {
            let (node, side) = (node.clone(), *side);
            Err(RevokeError::Nothing(
                NodeIdentity { node, side }.to_string(),
            ))
        }
        _ => Ok(revoked),
    }
}
