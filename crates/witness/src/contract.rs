//! What every witness must do, as checks that an adapter's tests run on it.
//!
//! A check that fails panics with the reason, as an assertion does. Each takes a prefix for the names
//! of its pairs, of which the witness must not have heard.
#![expect(clippy::panic, reason = "checks for tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use spica_model::Epoch;
use spica_pair::witness::{Answer, Question};
use tokio::sync::Barrier;

use crate::{LookError, Witness};

/// Far beyond any time-out: who takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

/// The question of a node that holds everything up to `basis` and wants to begin `epoch`.
#[must_use]
pub const fn question(epoch: u32, basis: u32) -> Question {
    Question {
        epoch: Epoch(epoch),
        basis: Epoch(basis),
    }
}

/// Grants first, repeats what it granted, refuses who is stale, and takes pairs for what they are.
pub async fn answers_by_the_rule(witness: &dyn Witness, prefix: &str) {
    let pair = format!("{prefix}/s1");
    let refused = |epoch| Answer::Refused {
        recorded: Epoch(epoch),
    };
    assert_eq!(recorded(witness, &pair).await, None);
    for (epoch, basis, answer, then) in [
        (4, 3, Answer::Granted, 4),
        // The answer was lost on its way.
        (4, 3, Answer::Granted, 4),
        // The partner with the same basis, and with an older one.
        (5, 3, refused(4), 4),
        (7, 0, refused(4), 4),
        // The partner once it has caught up.
        (5, 4, Answer::Granted, 5),
        // Who led before has not heard of it.
        (4, 3, refused(5), 5),
        (6, 4, refused(5), 5),
        // An epoch is never taken back, whatever somebody holds.
        (3, 9, refused(5), 5),
        // An operator's order jumps.
        (1_006, 5, Answer::Granted, 1_006),
        (u32::MAX, 1_006, Answer::Granted, u32::MAX),
    ] {
        let asked = witness.ask(&pair, question(epoch, basis)).await;
        assert_eq!(asked, answer, "epoch {epoch} from {basis}");
        assert_eq!(recorded(witness, &pair).await, Some(Epoch(then)));
    }
    // Names that an adapter could take for each other.
    for other in ["s1.x", "s1/x", "S1/X", "s1 ü=x", "s1*", ".."] {
        let other = format!("{prefix}/{other}");
        let asked = witness.ask(&other, question(2, 1)).await;
        assert_eq!(asked, Answer::Granted, "{other}");
    }
    let long = format!("{prefix}/{}", "x".repeat(200));
    for wrong in ["", "a//b", "/a", long.as_str()] {
        let looked = witness.recorded(wrong).await;
        assert!(matches!(looked, Err(LookError::Name(_))), "{looked:?}");
        assert_eq!(
            witness.ask(wrong, question(2, 1)).await,
            Answer::Unreachable
        );
    }
}

/// What is recorded survives whoever asked: `later` is a new witness on the same store.
pub async fn remembers(witness: &dyn Witness, later: &dyn Witness, prefix: &str) {
    let pair = format!("{prefix}/kept");
    assert_eq!(witness.ask(&pair, question(4, 3)).await, Answer::Granted);
    let recorded = Epoch(4);
    assert_eq!(
        later.ask(&pair, question(5, 3)).await,
        Answer::Refused { recorded }
    );
    assert_eq!(later.ask(&pair, question(4, 3)).await, Answer::Granted);
}

/// Two nodes, each with its own witness, ask at the same time with the same basis: exactly one is
/// granted, and the other learns which epoch. So many rounds: the first half on one pair, where each
/// writes over the last; the others on new pairs, where both create.
///
/// Wants a runtime with at least two workers.
pub async fn only_one_of_two_wins(
    primary: Arc<dyn Witness>,
    backup: Arc<dyn Witness>,
    prefix: &str,
    rounds: u32,
) {
    let mut won = [0_u32; 2];
    let mut basis = 0;
    for round in 0..rounds {
        let pair = match round < rounds / 2 {
            true => format!("{prefix}/race"),
            false => format!("{prefix}/race/{round}"),
        };
        // The primary's epochs are even and the backup's are odd.
        let epochs = [(basis / 2 + 1) * 2, (basis / 2 + 1) * 2 + 1];
        let start = Arc::new(Barrier::new(2));
        let ask = |witness: &Arc<dyn Witness>, epoch| {
            let (witness, start, pair) = (witness.clone(), start.clone(), pair.clone());
            tokio::spawn(async move {
                start.wait().await;
                witness.ask(&pair, question(epoch, basis)).await
            })
        };
        let (one, other) = (ask(&primary, epochs[0]), ask(&backup, epochs[1]));
        let answers = (one.await.ok(), other.await.ok());
        let winner = match answers {
            (Some(Answer::Granted), Some(Answer::Refused { recorded })) => {
                assert_eq!(recorded, Epoch(epochs[0]));
                0
            }
            (Some(Answer::Refused { recorded }), Some(Answer::Granted)) => {
                assert_eq!(recorded, Epoch(epochs[1]));
                1
            }
            _ => panic!("round {round}: {answers:?}"),
        };
        won[winner] += 1;
        basis = epochs[winner];
    }
    assert_eq!(won[0] + won[1], rounds);
}

/// A witness that cannot be reached says so, and does not hang.
pub async fn is_unreachable(witness: &dyn Witness, pair: &str) {
    let asked = tokio::time::timeout(HANGS, witness.ask(pair, question(4, 3))).await;
    assert_eq!(asked.ok(), Some(Answer::Unreachable));
    let looked = tokio::time::timeout(HANGS, witness.recorded(pair)).await;
    assert!(matches!(looked, Ok(Err(_))), "{looked:?}");
}

/// What is recorded for `pair` was damaged: nobody is granted anything, and the reason is told.
pub async fn grants_nothing_when_damaged(witness: &dyn Witness, pair: &str) {
    for epoch in [4, 5, u32::MAX] {
        let asked = witness.ask(pair, question(epoch, epoch - 1)).await;
        assert_eq!(asked, Answer::Unreachable, "epoch {epoch}");
    }
    let looked = witness.recorded(pair).await;
    let error = looked.err().map(|error| error.to_string());
    let error = error.unwrap_or_default();
    assert!(
        error.contains("is damaged") && error.contains("docs/witness.md"),
        "{error:?}"
    );
}

async fn recorded(witness: &dyn Witness, pair: &str) -> Option<Epoch> {
    let looked = witness.recorded(pair).await;
    assert!(looked.is_ok(), "{pair}: {looked:?}");
    looked.ok().flatten()
}
