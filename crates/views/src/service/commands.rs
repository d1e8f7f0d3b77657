//! Queueing commands, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use spica_devices::{Command, CommandState, Serial, Transition};
use spica_model::{Cause, Timestamp};

use super::{DeviceService, Draft, operator};
use crate::{Audit, DeviceError};

/// Most bytes of arguments: with id and code they fill the 120 bytes of data that a device takes.
const ARGUMENT_BYTES: usize = 117;
/// Longest name of a command, in bytes.
const NAME_BYTES: usize = 64;
/// The shortest and the longest time that a command may wait.
const EXPIRES_IN: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60);
/// How many commands one call lets expire; the next call goes on.
const EXPIRED_AT_ONCE: usize = 1_000;

/// What an operator asks of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// What is asked, as the device knows it.
    pub code: u8,
    /// What is asked, for people: 1 to 64 bytes without control characters.
    pub name: String,
    /// The arguments as they go on the wire before escaping, at most 117 bytes.
    pub arguments: Vec<u8>,
    /// How long it may wait for the device's answer: a second to 30 days.
    pub expires_in: Duration,
}

impl CommandRequest {
    fn check(&self) -> Result<(), DeviceError> {
        let name = &self.name;
        let problem = if !(1..=NAME_BYTES).contains(&name.len()) || name.contains(char::is_control)
        {
            (
                "name",
                "1 to 64 bytes of text without control characters are allowed",
            )
        } else if self.arguments.len() > ARGUMENT_BYTES {
            (
                "arguments",
                "up to 117 bytes are allowed: more does not fit in a frame",
            )
        } else if !EXPIRES_IN.contains(&self.expires_in) {
            ("expires_in", "a second to 30 days is allowed")
        } else {
            return Ok(());
        };
        let (field, allowed) = problem;
        Err(DeviceError::Request { field, allowed })
    }
}

impl DeviceService {
    /// Queues a command for a device. If the device is connected, the command goes out in that
    /// connection.
    ///
    /// # Errors
    /// If there is no such device, a part of the request is not allowed, too many commands wait for
    /// it, the state tree is full, or the journal takes no records.
    pub async fn queue_command(
        &self,
        serial: &Serial,
        request: CommandRequest,
        by: &str,
    ) -> Result<Arc<Command>, DeviceError> {
        request.check()?;
        let cause = operator(by)?;
        let guard = self.turn(serial).await?;
        self.known(serial)?;
        self.room_for(1)?;
        let command = self.new_command(serial, request, by)?;
        let drafts = [
            self.draft(&command)?,
            self.command_audit("command.queue", &command, by)?,
        ];
        self.write(guard, &drafts, &cause).await?;
        self.kept(serial, command.id)
    }

    /// Takes a command back. If it was sent already, the device may still do it.
    ///
    /// # Errors
    /// If there is no such command, it is settled, or the journal takes no records.
    pub async fn cancel_command(
        &self,
        serial: &Serial,
        id: u16,
        by: &str,
    ) -> Result<Arc<Command>, DeviceError> {
        let cause = operator(by)?;
        let guard = self.turn(serial).await?;
        let command = self.kept(serial, id)?;
        let cancelled = command.after(Transition::Cancel, self.clock.wall())?;
        let mut drafts = self.settled(&cancelled)?;
        drafts.push(self.command_audit("command.cancel", &cancelled, by)?);
        self.write(guard, &drafts, &cause).await?;
        self.kept(serial, id)
    }

    /// Notes, durably, that a command goes on the wire; it may go only after this has returned.
    ///
    /// # Errors
    /// If there is no such command, it is settled or its time is over, or the journal takes no
    /// records.
    pub async fn command_sent(&self, serial: &Serial, id: u16) -> Result<(), DeviceError> {
        let guard = self.turn(serial).await?;
        let command = self.kept(serial, id)?;
        let sent = command.after(Transition::Send, self.clock.wall())?;
        self.write(guard, &[self.draft(&sent)?], &station()?).await
    }

    /// Notes a device's answer to a command: 0 done, else its reason to refuse. The same answer
    /// again, as a device gives it when it did not hear that we had it, changes nothing.
    ///
    /// # Errors
    /// If there is no such command, it was never sent or is settled otherwise, or the journal takes
    /// no records.
    pub async fn command_settled(
        &self,
        serial: &Serial,
        id: u16,
        result: u8,
    ) -> Result<(), DeviceError> {
        let guard = self.turn(serial).await?;
        let command = self.kept(serial, id)?;
        let answered = matches!(
            command.state,
            CommandState::Confirmed | CommandState::Refused
        );
        if answered && command.result == Some(result) {
            return Ok(());
        }
        let settled = command.after(Transition::Settle(result), self.clock.wall())?;
        self.write(guard, &self.settled(&settled)?, &station()?)
            .await
    }

    /// Notes which commands' time is over at `now`, at most a thousand; says how many. To be called
    /// about once a second.
    ///
    /// # Errors
    /// If the journal takes no records. What was noted before stays so; the next call goes on.
    pub async fn expire_due(&self, now: Timestamp) -> Result<usize, DeviceError> {
        let due: Vec<_> = self.views.read(|folds| {
            let due = folds.commands.due(now);
            due.take(EXPIRED_AT_ONCE).collect()
        });
        let cause = Cause::new("node:expiry")?;
        let mut expired = 0;
        let mut last = None;
        for (serial, id) in due {
            let guard = self.turn(&serial).await?;
            // Since the list was made, the device may have answered.
            let Some(command) = self.views.command(&serial, id) else {
                continue;
            };
            if let Ok(command) = command.after(Transition::Expire, now) {
                last = Some(self.submit(&mut [guard], &self.settled(&command)?, &cause)?);
                expired += 1;
            }
        }
        // One wait for all: places are given in order.
        if let Some(ticket) = last {
            self.settle(&ticket).await?;
        }
        Ok(expired)
    }

    fn new_command(
        &self,
        serial: &Serial,
        request: CommandRequest,
        by: &str,
    ) -> Result<Command, DeviceError> {
        let limit = self.views.settings().pending_commands;
        let now = self.clock.wall();
        self.views.read(|folds| {
            if folds.commands.unsettled(serial) >= limit {
                let serial = *serial;
                return Err(DeviceError::TooManyCommands { serial, limit });
            }
            let queued_at = folds.commands.next_queued_at(serial, now);
            Ok(Command {
                serial: *serial,
                id: folds.commands.next_id(serial)?,
                code: request.code,
                name: request.name,
                arguments: request.arguments,
                state: CommandState::Queued,
                queued_at,
                expires_at: now.saturating_add(request.expires_in),
                sent_at: None,
                settled_at: None,
                attempts: 0,
                result: None,
                by: by.to_owned(),
            })
        })
    }

    fn kept(&self, serial: &Serial, id: u16) -> Result<Arc<Command>, DeviceError> {
        let command = self.views.command(serial, id);
        command.ok_or(DeviceError::UnknownCommand {
            serial: *serial,
            id,
        })
    }

    fn draft(&self, command: &Command) -> Result<Draft, DeviceError> {
        let topic = self.topics(&command.serial)?.command(command.id);
        Ok(Draft::put(topic, command.encode()))
    }

    /// The draft of a command that is settled now, and tombstones of the older ones that make room
    /// for it.
    fn settled(&self, command: &Command) -> Result<Vec<Draft>, DeviceError> {
        let others = self
            .views
            .settings()
            .settled_commands_kept
            .saturating_sub(1);
        let topics = self.topics(&command.serial)?;
        let mut drafts = vec![self.draft(command)?];
        self.views.read(|folds| {
            let old = folds.commands.settled_beyond(&command.serial, others);
            drafts.extend(old.map(|old| Draft::delete(topics.command(old.id))));
        });
        Ok(drafts)
    }

    fn command_audit(
        &self,
        action: &str,
        command: &Command,
        by: &str,
    ) -> Result<Draft, DeviceError> {
        let audit = Audit {
            action: action.into(),
            by: by.into(),
            target: format!("{}/commands/{}", command.serial, command.id),
            detail: json!({ "code": command.code, "name": command.name }),
        };
        self.audit("commands", &audit)
    }
}

/// The cause of what a station notes about a command.
fn station() -> Result<Cause, DeviceError> {
    Ok(Cause::new("station")?)
}
