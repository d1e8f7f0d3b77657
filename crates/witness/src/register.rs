//! A register with compare-and-set, and the witness that any such register is.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use spica_model::Epoch;
use spica_pair::witness::{Answer, Question, judge};

use crate::name::PairName;
use crate::{DamageError, LookError, Witness};

/// How often a question is put again after somebody else wrote first. A pair has two nodes, and the
/// one that comes second is refused, so two rounds are the rule.
const ROUNDS: u32 = 8;

/// What a register holds for a pair.
#[derive(Debug)]
pub(crate) struct Entry<R> {
    /// The epoch that is recorded; none if nothing is.
    pub(crate) epoch: Option<Epoch>,
    /// What the store calls this state of the entry.
    pub(crate) revision: R,
}

/// How a conditional write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The epoch stands there.
    Yes,
    /// Somebody else has written since the entry was read.
    Outrun,
}

/// A store that writes only if nobody else has written since it was read.
#[async_trait]
pub(crate) trait Register: Debug + Send + Sync + 'static {
    /// What the store calls a state of an entry.
    type Revision: Debug + Send + Sync;

    /// What stands there for `pair`. It may be old; a write over it is refused then.
    async fn read(&self, pair: &PairName) -> Result<Entry<Self::Revision>, LookError>;

    /// Writes `epoch` if the entry is still in the state `over`, durably.
    async fn write(
        &self,
        pair: &PairName,
        epoch: Epoch,
        over: &Self::Revision,
    ) -> Result<Written, LookError>;
}

/// The witness that a register is.
#[derive(Debug)]
pub(crate) struct ByRegister<R> {
    register: R,
    /// What the operator calls it.
    address: String,
    timeout: Duration,
    /// The trouble that was logged last, so that a witness that is down is not logged with each
    /// question.
    trouble: Mutex<Option<String>>,
}

impl<R: Register> ByRegister<R> {
    pub(crate) fn new(register: R, address: String, timeout: Duration) -> Self {
        Self {
            register,
            address,
            timeout,
            trouble: Mutex::new(None),
        }
    }

    async fn settle(&self, pair: &str, question: Question) -> Result<Answer, LookError> {
        let pair = PairName::new(pair)?;
        for _ in 0..ROUNDS {
            let entry = self.register.read(&pair).await?;
            match judge(entry.epoch, question) {
                // Also when it is recorded already: what was read may be old, a write tells.
                Answer::Granted => {}
                other => return Ok(other),
            }
            let written = self.register.write(&pair, question.epoch, &entry.revision);
            if written.await? == Written::Yes {
                return Ok(Answer::Granted);
            }
        }
        Err(LookError::Outrun(ROUNDS))
    }

    async fn look(&self, pair: &str) -> Result<Option<Epoch>, LookError> {
        Ok(self.register.read(&PairName::new(pair)?).await?.epoch)
    }

    /// Runs `work` for at most the time-out, and logs when the witness begins or ceases to answer.
    async fn in_time<T>(
        &self,
        pair: &str,
        work: impl Future<Output = Result<T, LookError>> + Send,
    ) -> Result<T, LookError> {
        let late = LookError::Late(self.timeout);
        let result = tokio::time::timeout(self.timeout, work).await;
        let result = result.unwrap_or(Err(late));
        let now = result.as_ref().err().map(ToString::to_string);
        let before = std::mem::replace(&mut *self.trouble.lock(), now.clone());
        let witness = self.address.as_str();
        match (before, now) {
            (Some(_), None) => tracing::info!(witness, pair, "the witness answers again"),
            (before, Some(error)) if before.as_ref() != Some(&error) => {
                tracing::warn!(
                    witness,
                    pair,
                    error,
                    "the witness gives no answer that counts"
                );
            }
            _ => {}
        }
        result
    }
}

#[async_trait]
impl<R: Register> Witness for ByRegister<R> {
    async fn ask(&self, pair: &str, question: Question) -> Answer {
        let settled = self.in_time(pair, self.settle(pair, question)).await;
        settled.unwrap_or(Answer::Unreachable)
    }

    async fn recorded(&self, pair: &str) -> Result<Option<Epoch>, LookError> {
        self.in_time(pair, self.look(pair)).await
    }
}

/// The epoch in the bytes that `place` holds.
pub(crate) fn epoch_in(pair: &PairName, bytes: &[u8], place: &str) -> Result<Epoch, LookError> {
    crate::value::read(pair, bytes).map_err(|reason| damaged(place, reason))
}

pub(crate) fn damaged(place: &str, reason: DamageError) -> LookError {
    let place = place.to_owned();
    LookError::Damaged { place, reason }
}

#[cfg(test)]
mod tests;
