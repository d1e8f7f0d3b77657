//! Connections that said who they are and then keep silent.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use spica_clock::{Clock, SystemClock};

use super::Target;
use super::engine::{Engine, Happening};

/// Connections that are held until this is dropped.
pub struct Idle {
    engine: Engine,
}

impl Idle {
    /// How many connections are still open; those that the station has closed meanwhile are gone.
    ///
    /// # Errors
    /// If the sockets cannot be asked.
    pub fn held(&mut self) -> io::Result<usize> {
        loop {
            let mut closed = false;
            self.engine.poll(Duration::ZERO, |_| closed = true)?;
            if !closed {
                return Ok(self.engine.open());
            }
        }
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle")
            .field("open", &self.engine.open())
            .finish_non_exhaustive()
    }
}

/// Opens a connection for each of the target's devices, sends its identity and leaves the station
/// waiting for an answer to its first request. Returns once the station has answered all of them;
/// its idle timeout must be longer than they are to be held.
///
/// # Errors
/// If sockets cannot be had, or nothing happens for [`Target::patience`] before all stand.
pub fn idle(target: &Target) -> io::Result<Idle> {
    let mut engine = Engine::new(target, true)?;
    let mut waiting: VecDeque<u32> = (0..target.devices).collect();
    let (mut unheard, mut standing) = (0_usize, 0_u32);
    let mut last_news = SystemClock.monotonic();
    while standing < target.devices {
        while unheard < target.connects_at_once
            && let Some(device) = waiting.pop_front()
        {
            unheard += 1;
            engine.call(device);
        }
        let mut lost = 0;
        engine.poll(Duration::from_millis(20), |news| match news.what {
            Happening::Heard => {
                (unheard, standing, last_news) = (unheard - 1, standing + 1, news.at);
            }
            Happening::Failed { .. } => lost += 1,
            Happening::Told | Happening::Done => {}
        })?;
        if lost > 0 || SystemClock.monotonic() - last_news > target.patience {
            let text = format!(
                "only {standing} of {} idle connections stand; the station closed {lost}",
                target.devices
            );
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
        }
    }
    Ok(Idle { engine })
}
