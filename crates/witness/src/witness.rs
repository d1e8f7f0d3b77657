//! The port.

use std::fmt::Debug;

use async_trait::async_trait;
use spica_model::Epoch;
use spica_pair::witness::{Answer, Question};

use crate::LookError;

/// A third party that remembers the newest epoch of each pair.
///
/// Both calls return within the time-out that the witness was opened with.
#[async_trait]
pub trait Witness: Debug + Send + Sync + 'static {
    /// May `pair` (a node's path, such as `root/s1`) begin the epoch of `question`?
    ///
    /// `Granted` means that the epoch is recorded, durably as far as the store promises it. A call
    /// that is dropped, or answered `Unreachable`, may still be recorded later; asking again tells,
    /// and is granted.
    async fn ask(&self, pair: &str, question: Question) -> Answer;

    /// What is recorded for `pair`; none if nothing ever was. For status and for noticing early that
    /// the witness is gone: it permits nothing, and a replica may answer it from the past.
    ///
    /// # Errors
    /// If the witness does not answer, is unfit, or what it holds is damaged.
    async fn recorded(&self, pair: &str) -> Result<Option<Epoch>, LookError>;
}
