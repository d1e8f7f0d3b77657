//! The people of a demo: they acknowledge, clear and close cases over HTTP, as others do.
//!
//! Most acknowledge soon after they were told. Every fourth emergency they leave until the second
//! step has gone out. What they do follows from the order of the cases and a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::seen::{Case, Notice};
use crate::api::Api;

/// How often they look at the screen. All times below count in this.
const TICK: Duration = Duration::from_millis(200);
/// How long they take for a step: 0.6 to 2 s.
const DELAY_TICKS: std::ops::RangeInclusive<u64> = 3..=10;
/// How long they wait for messages that do not come while others did: 10 s.
const PATIENCE_TICKS: u64 = 50;
/// One in so many emergencies waits for the second step.
const LEFT: u64 = 4;
/// Open cases that they look at, the newest.
const SCREEN: &str = "1000";

/// An acknowledgement that the node has said is durable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Acknowledgement {
    /// Of which case.
    pub(super) case: String,
    /// When, as the node says.
    pub(super) at: String,
}

/// The people, and what they have in hand.
pub(super) struct Operators {
    api: Api,
    /// Whether messages go out: then nobody acknowledges an emergency before one has arrived.
    told: bool,
    seed: u64,
    tick: u64,
    cases: u64,
    emergencies: u64,
    tasks: BTreeMap<String, Task>,
    done: Vec<Acknowledgement>,
}

/// A case in somebody's hands.
#[derive(Debug, Clone, Copy)]
struct Task {
    /// Which one it is, from 1.
    number: u64,
    since: u64,
    due: u64,
    /// Left until the second step has gone out.
    left: bool,
}

#[derive(Deserialize)]
struct Screen {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Notices {
    notices: Vec<Notice>,
}

impl Operators {
    pub(super) const fn new(api: Api, told: bool, seed: u64) -> Self {
        Self {
            api,
            told,
            seed,
            tick: 0,
            cases: 0,
            emergencies: 0,
            tasks: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    /// Works until it is stopped; what was acknowledged.
    pub(super) async fn work(mut self, stop: CancellationToken) -> Vec<Acknowledgement> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Never stopped within a step: what was asked for is also noted.
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.tick += 1;
            let query = [("state", "open"), ("limit", SCREEN)];
            // What cannot be seen now is seen at the next look.
            if let Ok(Screen { cases }) = self.api.get(&["cases"], &query).await {
                self.look(cases).await;
            }
        }
        self.done
    }

    async fn look(&mut self, newest_first: Vec<Case>) {
        let mut tasks = std::mem::take(&mut self.tasks);
        for case in newest_first.iter().rev() {
            let known = tasks.remove(&case.id);
            let mut task = known.unwrap_or_else(|| self.take_up(case));
            if task.due <= self.tick {
                // An order may be refused, since the device was faster. The next look shows it.
                let done = self.step(case, &task).await.unwrap_or(false);
                task.due = self.tick + if done { self.delay(task.number) } else { 1 };
            }
            self.tasks.insert(case.id.clone(), task);
        }
    }

    fn take_up(&mut self, case: &Case) -> Task {
        self.cases += 1;
        self.emergencies += u64::from(case.is_emergency());
        Task {
            number: self.cases,
            since: self.tick,
            due: self.tick + self.delay(self.cases),
            left: case.is_emergency() && self.emergencies.is_multiple_of(LEFT),
        }
    }

    fn delay(&self, number: u64) -> u64 {
        let span = DELAY_TICKS.end() - DELAY_TICKS.start() + 1;
        DELAY_TICKS.start() + mix(self.seed, number) % span
    }

    /// The next step of a case; whether it was taken.
    async fn step(&mut self, case: &Case, task: &Task) -> Result<bool> {
        let (verb, why) = match case.state.as_str() {
            "unacknowledged" | "cleared-unacknowledged" => ("acknowledge", "I am calling them"),
            "acknowledged" => ("clear", "help is there"),
            "cleared" => ("close", "all is well"),
            _ => return Ok(false),
        };
        if verb == "acknowledge" && !self.knows(case, task).await? {
            return Ok(false);
        }
        let body = json!({ "do": verb, "why": why });
        let after = self.api.post(&["cases", &case.id, "steps"], &body).await?;
        if verb == "acknowledge"
            && let Some(at) = after["acknowledged"]["at"].as_str()
        {
            self.done.push(Acknowledgement {
                case: case.id.clone(),
                at: at.to_owned(),
            });
        }
        Ok(true)
    }

    /// Whether a case has come to somebody's ears.
    async fn knows(&self, case: &Case, task: &Task) -> Result<bool> {
        if !self.told || !case.is_emergency() {
            return Ok(true);
        }
        let Notices { notices } = self.api.get(&["cases", &case.id, "notices"], &[]).await?;
        Ok(suffices(
            &notices,
            task.left,
            self.tick.saturating_sub(task.since),
        ))
    }
}

/// Whether messages have done what the one who acknowledges waits for: all that were sent have
/// arrived, of the second step if the case is left until then. After a while, any one will do.
fn suffices(notices: &[Notice], left: bool, waited: u64) -> bool {
    let wanted = if left { "escalated" } else { "raised" };
    let came = |notice: &&Notice| notice.is_delivered();
    let all = notices.iter().filter(came).any(|n| n.reason == wanted)
        && notices.iter().all(|notice| notice.state != "waiting");
    all || (waited >= PATIENCE_TICKS && notices.iter().any(Notice::is_delivered))
}

/// A number that follows from both, spread evenly: a step of `SplitMix64`.
const fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_is_acknowledged_by_somebody_who_was_told() {
        let notice = |reason: &str, state: &str| {
            let json = json!({ "reason": reason, "state": state, "settled_at": null });
            serde_json::from_value::<Notice>(json).unwrap()
        };
        let raised = |state| notice("raised", state);
        let (came, waits) = (raised("delivered"), raised("waiting"));
        let second = notice("escalated", "delivered");
        for (notices, left, waited, expected) in [
            (vec![], false, PATIENCE_TICKS, false),
            (vec![&waits], false, PATIENCE_TICKS, false),
            (vec![&came], false, 0, true),
            (vec![&came, &waits], false, PATIENCE_TICKS - 1, false),
            (vec![&came, &waits], false, PATIENCE_TICKS, true),
            (vec![&came], true, PATIENCE_TICKS - 1, false),
            (vec![&came], true, PATIENCE_TICKS, true),
            (vec![&came, &second], true, 0, true),
        ] {
            let notices: Vec<Notice> = notices.into_iter().cloned().collect();
            assert_eq!(suffices(&notices, left, waited), expected, "{notices:?}");
        }
    }
}
