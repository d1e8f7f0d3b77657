//! The command queue: the fold of the commands of all devices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use spica_model::Timestamp;

use crate::{Command, Serial};

/// The code of the command that acknowledges an alert: it goes out before all others.
pub const ACKNOWLEDGE_ALERT: u8 = 5;

/// Every id of a device is taken by a command that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the device has no free command id")]
pub struct NoFreeId;

/// The commands of all devices.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CommandQueue {
    devices: BTreeMap<Serial, Commands>,
    /// The end of the time of every command that is not settled.
    deadlines: BTreeSet<(Timestamp, Serial, u16)>,
    len: usize,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Commands {
    by_id: BTreeMap<u16, Arc<Command>>,
    /// Id of each, by the time it was queued.
    by_age: BTreeSet<(Timestamp, u16)>,
}

impl CommandQueue {
    /// Sets a command to what its last record says.
    pub fn put(&mut self, command: Command) {
        self.remove(&command.serial, command.id);
        if !command.state.is_settled() {
            self.deadlines
                .insert((command.expires_at, command.serial, command.id));
        }
        let commands = self.devices.entry(command.serial).or_default();
        commands.by_age.insert((command.queued_at, command.id));
        commands.by_id.insert(command.id, Arc::new(command));
        self.len += 1;
    }

    /// Forgets a command.
    pub fn remove(&mut self, serial: &Serial, id: u16) {
        let Some(commands) = self.devices.get_mut(serial) else {
            return;
        };
        if let Some(command) = commands.by_id.remove(&id) {
            commands.by_age.remove(&(command.queued_at, id));
            self.deadlines.remove(&(command.expires_at, *serial, id));
            self.len -= 1;
        }
        if commands.by_id.is_empty() {
            self.devices.remove(serial);
        }
    }

    /// A command.
    #[must_use]
    pub fn get(&self, serial: &Serial, id: u16) -> Option<&Arc<Command>> {
        self.devices.get(serial)?.by_id.get(&id)
    }

    /// All kept commands of a device, newest first.
    pub fn newest_first(&self, serial: &Serial) -> impl Iterator<Item = &Arc<Command>> {
        let commands = self.devices.get(serial);
        commands.into_iter().flat_map(|commands| {
            let newest_first = commands.by_age.iter().rev();
            newest_first.filter_map(|(_, id)| commands.by_id.get(id))
        })
    }

    /// The commands of a device that are to go out at `now`: queued, or sent without an answer, and
    /// not expired. Those that acknowledge an alert first, then oldest first.
    #[must_use]
    pub fn pending(&self, serial: &Serial, now: Timestamp) -> Vec<Arc<Command>> {
        let mut pending: Vec<_> = self
            .newest_first(serial)
            .filter(|command| !command.state.is_settled() && !command.is_due(now))
            .cloned()
            .collect();
        pending.reverse();
        // Stable: within each of the two groups the order of age stays.
        pending.sort_by_key(|command| command.code != ACKNOWLEDGE_ALERT);
        pending
    }

    /// How many commands of a device are not settled.
    #[must_use]
    pub fn unsettled(&self, serial: &Serial) -> usize {
        self.newest_first(serial)
            .filter(|command| !command.state.is_settled())
            .count()
    }

    /// The settled commands of a device beyond the `keep` newest ones, newest first.
    pub fn settled_beyond(
        &self,
        serial: &Serial,
        keep: usize,
    ) -> impl Iterator<Item = &Arc<Command>> {
        self.newest_first(serial)
            .filter(|command| command.state.is_settled())
            .skip(keep)
    }

    /// Which commands' time is over at `now` but that are not settled, longest overdue first.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = (Serial, u16)> {
        let due = self.deadlines.iter().take_while(move |(at, ..)| *at <= now);
        due.map(|(_, serial, id)| (*serial, *id))
    }

    /// The id for the next command of a device: the one after that of its newest command, from 1
    /// again after 65,535, without those that kept commands have.
    ///
    /// # Errors
    /// If every id is taken.
    pub fn next_id(&self, serial: &Serial) -> Result<u16, NoFreeId> {
        let Some(commands) = self.devices.get(serial) else {
            return Ok(1);
        };
        let newest = commands.by_age.last().map_or(0, |(_, id)| *id);
        let following = (1..=u16::MAX).map(|step| match newest.checked_add(step) {
            Some(id) => id,
            // Past the end, from 1 on: 0 is no id.
            None => newest.wrapping_add(step).wrapping_add(1),
        });
        let mut free = following.filter(|id| !commands.by_id.contains_key(id));
        free.next().ok_or(NoFreeId)
    }

    /// A time for the next command of a device: `now`, or just after its newest command when the
    /// clock has not moved on since, so that age orders them all.
    #[must_use]
    pub fn next_queued_at(&self, serial: &Serial, now: Timestamp) -> Timestamp {
        let newest = self.newest_first(serial).next();
        newest.map_or(now, |newest| {
            now.max(Timestamp::from_micros(
                newest.queued_at.as_micros().saturating_add(1),
            ))
        })
    }

    /// How many commands of all devices are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no command is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many commands of all devices are not settled.
    #[must_use]
    pub fn len_unsettled(&self) -> usize {
        self.deadlines.len()
    }
}

#[cfg(test)]
mod tests;
