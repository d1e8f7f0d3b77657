//! A fleet at work: every device a task that follows its itinerary.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use spica_clock::{Clock, SharedClock, SystemClock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::attack;
use crate::call::{Called, Calling};
use crate::device::{Device, fresh_numbers};
use crate::dialogue::Conduct;
use crate::endpoints::Endpoints;
use crate::ledger::{DeviceBooks, Outcome};
use crate::plan::{Arrival, Plan, PlanError};
use crate::progress::{Counters, Progress, add, count};
use crate::rng::Rng;

/// How often a run says how it stands.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);
/// Between a device's attempts to get through: from this, doubling, up to the next.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How many violations are kept in words; all are counted.
const VIOLATIONS_MAX: usize = 20;

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A station's name cannot be resolved.
    #[error("no station can be called: {0}")]
    Resolve(#[from] std::io::Error),
}

/// A fleet of simulated devices.
#[derive(Debug, Clone, Copy)]
pub struct Fleet;

impl Fleet {
    /// Carries `plan` out to its end on the current tokio runtime.
    ///
    /// # Errors
    /// If it cannot begin. Whatever happens later is in the outcome.
    pub async fn run(plan: &Plan, progress: &dyn Progress) -> Result<Outcome, RunError> {
        Self::run_until(plan, progress, CancellationToken::new()).await
    }

    /// The same, but no visit begins once `stop` is cancelled: devices then only get rid of what
    /// they hold, for at most [`Plan::drain`].
    ///
    /// # Errors
    /// If it cannot begin.
    pub async fn run_until(
        plan: &Plan,
        progress: &dyn Progress,
        stop: CancellationToken,
    ) -> Result<Outcome, RunError> {
        plan.check()?;
        let run = Arc::new(Run {
            endpoints: Endpoints::resolve(&plan.endpoints, plan.spread_sources).await?,
            connects: Semaphore::new(plan.connects_at_once),
            connections: Semaphore::new(plan.connections_at_once),
            counters: Counters::default(),
            violations: Mutex::new(Vec::new()),
            fresh: fresh_numbers(SystemClock.wall()),
            clock: Arc::new(SystemClock),
            began: Instant::now(),
            stop,
            over: CancellationToken::new(),
            plan: plan.clone(),
        });
        Ok(run.carry_out(progress).await)
    }
}

/// What the tasks of a run share.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) endpoints: Endpoints,
    /// Permits to wait for a station's first word.
    pub(crate) connects: Semaphore,
    /// Permits to have a connection.
    pub(crate) connections: Semaphore,
    pub(crate) counters: Counters,
    pub(crate) began: Instant,
    /// Where numbers begin unless the plan says so.
    fresh: u32,
    violations: Mutex<Vec<String>>,
    pub(crate) clock: SharedClock,
    /// No visit begins any more.
    stop: CancellationToken,
    /// Everything ends now.
    pub(crate) over: CancellationToken,
}

impl Run {
    async fn carry_out(self: Arc<Self>, progress: &dyn Progress) -> Outcome {
        let started = self.clock.wall();
        let mut devices = JoinSet::new();
        for index in 0..self.plan.devices {
            let run = Arc::clone(&self);
            devices.spawn(async move { (index, run.live(index).await) });
        }
        let attacks = tokio::spawn(attack::all(Arc::clone(&self)));
        let limit = tokio::spawn(Arc::clone(&self).end_in_time());
        let mut books = self.gather(&mut devices, progress).await;
        self.over.cancel();
        limit.abort();
        // A task that panicked has said so itself; the books lack it, which is seen.
        let _ = attacks.await;
        books.sort_unstable_by_key(|(index, _)| *index);
        progress.update(
            &self
                .counters
                .status(self.began.elapsed(), self.plan.visits_expected()),
        );
        Outcome {
            started,
            ended: self.clock.wall(),
            devices: books.into_iter().map(|(_, books)| books).collect(),
            totals: self.counters.totals(),
            violations: std::mem::take(&mut *self.violations.lock()),
        }
    }

    async fn gather(
        &self,
        devices: &mut JoinSet<(u32, DeviceBooks)>,
        progress: &dyn Progress,
    ) -> Vec<(u32, DeviceBooks)> {
        let mut books = Vec::with_capacity(devices.len());
        let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
        loop {
            tokio::select! {
                ended = devices.join_next() => match ended {
                    Some(Ok(ended)) => books.push(ended),
                    Some(Err(panicked)) => self.violation(format!("a device's task broke: {panicked}")),
                    None => return books,
                },
                _ = tick.tick() => {
                    let expected = self.plan.visits_expected();
                    progress.update(&self.counters.status(self.began.elapsed(), expected));
                }
            }
        }
    }

    /// Ends the run when visits are over, by plan or by order, and the time to drain as well.
    async fn end_in_time(self: Arc<Self>) {
        tokio::select! {
            () = sleep_until(self.began + self.plan.span()) => {}
            () = self.stop.cancelled() => {}
        }
        sleep(self.plan.drain).await;
        self.over.cancel();
    }

    /// A device's life: visit after visit, then whatever is left.
    async fn live(&self, index: u32) -> DeviceBooks {
        let mut rng = Rng::part(self.plan.seed, u64::MAX - u64::from(index));
        let mut device = self.device(index, rng.next());
        let mut calling = Calling::new(index);
        for visit in self.plan.itinerary(index) {
            let wait = sleep_until(self.began + visit.due);
            if self.stop.run_until_cancelled(wait).await.is_none() {
                break;
            }
            let (events, pictures) = (visit.events.len(), usize::from(visit.picture.is_some()));
            let now = self.clock.wall();
            for (event, detail) in &visit.events {
                device.record(*event, Arc::clone(detail), now);
            }
            if let Some((seed, size)) = visit.picture {
                device.take_picture(seed, size, now);
            }
            count(&self.counters.visits);
            add(&self.counters.events, events);
            add(&self.counters.pictures, pictures);
            self.deliver(&mut device, &mut calling, Conduct::from(&visit), &mut rng)
                .await;
        }
        if device.kept() > 0 {
            self.deliver(&mut device, &mut calling, Conduct::PLAIN, &mut rng)
                .await;
        }
        device.into_books()
    }

    fn device(&self, index: u32, seed: u64) -> Device {
        let serial = crate::plan::serial(self.plan.first_serial + index);
        let first = self.plan.first_number.unwrap_or(self.fresh);
        Device::new(&serial, &self.plan.software_version, first, seed)
    }

    /// Calls until a dialogue comes to its end, the device holds nothing more, or everything is
    /// over. A visit that falls due meanwhile waits: the device has one modem.
    async fn deliver(
        &self,
        device: &mut Device,
        calling: &mut Calling,
        mut conduct: Conduct,
        rng: &mut Rng,
    ) {
        let mut backoff = BACKOFF_MIN;
        loop {
            match self
                .over
                .run_until_cancelled(calling.call(self, device, conduct))
                .await
            {
                None | Some(Called::Through) => return,
                // Where it was cut by plan, the device gets through at its next attempt.
                Some(Called::Interrupted) => (conduct, backoff) = (Conduct::PLAIN, BACKOFF_MIN),
                Some(Called::Failed) => conduct = Conduct::PLAIN,
            }
            if device.kept() == 0 {
                return;
            }
            let pause = sleep(backoff.mul_f64(0.5 + rng.unit() / 2.0));
            if self.over.run_until_cancelled(pause).await.is_none() {
                return;
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    pub(crate) fn violation(&self, text: String) {
        let mut violations = self.violations.lock();
        if violations.len() < VIOLATIONS_MAX {
            violations.push(text);
        }
    }
}

impl Plan {
    /// How long visits go on.
    pub(crate) fn span(&self) -> Duration {
        let last = match (self.arrival, self.rounds) {
            (_, None) => Duration::MAX,
            (Arrival::Burst, Some(rounds)) => self.interval * rounds.saturating_sub(1),
            (Arrival::Spread, Some(rounds)) => self.interval * rounds,
        };
        let last = last.saturating_add(self.interval.mul_f64(self.jitter));
        last.min(self.duration.unwrap_or(Duration::MAX))
    }
}
