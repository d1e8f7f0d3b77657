use std::collections::VecDeque;

use super::*;
use crate::contract::question;

/// A register whose reads and writes go as they are told; beyond that it says nothing.
#[derive(Debug, Default)]
struct Told {
    reads: Mutex<VecDeque<u32>>,
    writes: Mutex<VecDeque<Written>>,
}

#[async_trait]
impl Register for Told {
    type Revision = ();

    async fn read(&self, _: &PairName) -> Result<Entry<()>, LookError> {
        let next = self.reads.lock().pop_front();
        let Some(epoch) = next else {
            return std::future::pending().await;
        };
        let epoch = Some(Epoch(epoch));
        Ok(Entry {
            epoch,
            revision: (),
        })
    }

    async fn write(&self, _: &PairName, _: Epoch, (): &()) -> Result<Written, LookError> {
        let next = self.writes.lock().pop_front();
        match next {
            None => std::future::pending().await,
            Some(written) => Ok(written),
        }
    }
}

const TIMEOUT: Duration = Duration::from_millis(500);

fn witness(reads: &[u32], writes: &[Written]) -> ByRegister<Told> {
    let told = Told {
        reads: Mutex::new(reads.iter().copied().collect()),
        writes: Mutex::new(writes.iter().copied().collect()),
    };
    ByRegister::new(told, "told://".to_owned(), TIMEOUT)
}

/// A replica that lags still shows the epoch that this node was granted long ago, while its partner
/// has taken over since.
#[tokio::test(start_paused = true)]
async fn a_read_from_the_past_grants_nothing() {
    let witness = witness(&[4, 5], &[Written::Outrun]);
    let recorded = Epoch(5);
    assert_eq!(
        witness.ask("root/s1", question(4, 3)).await,
        Answer::Refused { recorded }
    );
}

#[tokio::test(start_paused = true)]
async fn a_grant_is_a_write_that_succeeded() {
    let granted = witness(&[3, 3], &[Written::Outrun, Written::Yes]);
    let asked = granted.ask("root/s1", question(4, 3)).await;
    assert_eq!(asked, Answer::Granted);
    // The write goes unanswered.
    let lost = witness(&[3], &[]);
    let asked = lost.ask("root/s1", question(4, 3)).await;
    assert_eq!(asked, Answer::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_time_out() {
    let witness = witness(&[], &[]);
    let begun = tokio::time::Instant::now();
    let asked = witness.ask("root/s1", question(4, 3)).await;
    assert_eq!(asked, Answer::Unreachable);
    // The timer counts whole milliseconds, and rounds up.
    let took = begun.elapsed();
    assert!((TIMEOUT..TIMEOUT * 2).contains(&took), "{took:?}");
    let looked = witness.recorded("root/s1").await;
    assert!(
        matches!(looked, Err(LookError::Late(TIMEOUT))),
        "{looked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_always_outrun_gives_up() {
    let rounds = ROUNDS as usize;
    let witness = witness(&vec![3; rounds + 1], &vec![Written::Outrun; rounds + 1]);
    let asked = witness.ask("root/s1", question(4, 3)).await;
    assert_eq!(asked, Answer::Unreachable);
    assert_eq!(witness.register.writes.lock().len(), 1);
}
