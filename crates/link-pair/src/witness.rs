//! Asking the witness without waiting for it.

use std::sync::Arc;

use spica_pair::witness::{Answer, Question};
use tokio::sync::mpsc;

use crate::actor::Input;

/// Asks, one question at a time: a question that comes while another is under way is dropped, since
/// the core asks again.
pub(crate) struct Asker {
    witness: Option<Arc<dyn spica_witness::Witness>>,
    pair: Arc<str>,
    answers: mpsc::Sender<Input>,
    busy: Arc<tokio::sync::Semaphore>,
}

impl Asker {
    pub(crate) fn new(
        witness: Option<Arc<dyn spica_witness::Witness>>,
        pair: Arc<str>,
        answers: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            witness,
            pair,
            answers,
            busy: Arc::new(tokio::sync::Semaphore::new(1)),
        }
    }

    pub(crate) fn ask(&self, question: Question) {
        let (Some(witness), Ok(place)) = (
            self.witness.clone(),
            Arc::clone(&self.busy).try_acquire_owned(),
        ) else {
            return;
        };
        let (pair, answers) = (Arc::clone(&self.pair), self.answers.clone());
        tokio::spawn(async move {
            let answer = witness.ask(&pair, question).await;
            drop(place);
            if answer == Answer::Unreachable {
                tracing::warn!(
                    epoch = question.epoch.0,
                    "the pair's witness does not answer"
                );
            }
            let epoch = question.epoch;
            // Without an actor nobody needs the answer.
            let _ = answers.send(Input::Witness { epoch, answer }).await;
        });
    }
}
