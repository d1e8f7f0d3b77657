//! One attempt of a device to get through: at the station that served it last, then at the others.

use crate::device::Device;
use crate::dialogue::{Conduct, End, converse};
use crate::fleet::Run;
use crate::plan::device_source;
use crate::progress::{Open, add, count};

/// What came of an attempt.
pub(crate) enum Called {
    /// The dialogue came to its end.
    Through,
    /// It was cut by plan.
    Interrupted,
    /// It was not to be.
    Failed,
}

/// Where a device calls.
#[derive(Debug)]
pub(crate) struct Calling {
    index: u32,
    /// The number of the endpoint that spoke to it last.
    endpoint: usize,
}

impl Calling {
    /// For device number `index`.
    pub(crate) const fn new(index: u32) -> Self {
        Self { index, endpoint: 0 }
    }

    /// Calls one station after the other until one speaks: of a pair, only one node does.
    pub(crate) async fn call(
        &mut self,
        run: &Run,
        device: &mut Device,
        conduct: Conduct,
    ) -> Called {
        // Semaphores of a run are never closed; a permit that is not given is not needed then.
        let _connection = run.connections.acquire().await;
        for at in 0..run.endpoints.len() {
            let endpoint = self.endpoint + at;
            let is_last = at + 1 == run.endpoints.len();
            match self.dial(run, endpoint, device, conduct).await {
                // Closed before its first word: the node is passive, or gone in this moment.
                Some((End::Broken | End::TimedOut, false)) | None if !is_last => {
                    count(&run.counters.refused);
                }
                None => count(&run.counters.refused),
                Some((end, was_heard)) => {
                    if was_heard {
                        self.endpoint = endpoint % run.endpoints.len();
                    }
                    return self.note(run, end);
                }
            }
        }
        Called::Failed
    }

    /// How the dialogue with one station ended, and whether it said anything; none if it takes no
    /// connection.
    async fn dial(
        &self,
        run: &Run,
        endpoint: usize,
        device: &mut Device,
        conduct: Conduct,
    ) -> Option<(End, bool)> {
        let mut connecting = run.connects.acquire().await.ok();
        let (counters, patience) = (&run.counters, run.plan.patience);
        let source = device_source(self.index);
        let stream = run.endpoints.connect_to(endpoint, source, patience).await;
        let stream = stream.ok()?;
        let _open = Open::new(counters);
        let (events, told) = (device.books().entries.len(), device.told());
        let mut was_heard = false;
        let heard = || {
            was_heard = true;
            drop(connecting.take());
        };
        let end = converse(stream, device, conduct, &*run.clock, patience, heard).await;
        add(&counters.events, device.books().entries.len() - events);
        add(&counters.events_told, device.told().0 - told.0);
        add(&counters.pictures_told, device.told().1 - told.1);
        Some((end, was_heard))
    }

    fn note(&self, run: &Run, end: End) -> Called {
        let counters = &run.counters;
        let (counter, called) = match end {
            End::Completed => (&counters.completed, Called::Through),
            End::Cut => (&counters.cut, Called::Interrupted),
            End::Broken => (&counters.broken, Called::Failed),
            End::TimedOut => (&counters.timed_out, Called::Failed),
            End::Violated(violation) => {
                run.violation(format!("device {}: {violation}", self.index));
                (&counters.violations, Called::Failed)
            }
        };
        count(counter);
        called
    }
}
