//! Registering, changing and removing devices.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use spica_devices::{Device, Registration, Serial};
use spica_model::Timestamp;

use super::{DeviceService, Draft, operator};
use crate::{Audit, DeviceError};

/// How many devices of an import go into one submission.
const IMPORT_CHUNK: usize = 1_000;

impl DeviceService {
    /// Registers a device, or changes its registration. Changing nothing writes nothing.
    ///
    /// # Errors
    /// If a part of the registration is not allowed, the state tree is full, or the journal takes
    /// no records.
    pub async fn put(
        &self,
        serial: Serial,
        registration: Registration,
        by: &str,
    ) -> Result<Arc<Device>, DeviceError> {
        registration.check()?;
        let cause = operator(by)?;
        let guard = self.turn(&serial).await?;
        let before = self.views.device(&serial);
        if let Some(device) = before
            .as_ref()
            .filter(|device| device.registration == registration)
        {
            return Ok(Arc::clone(device));
        }
        self.room_for(usize::from(before.is_none()))?;
        let drafts = [
            self.registered(&serial, &registration)?,
            self.audit(
                "devices",
                &Audit {
                    action: "device.put".into(),
                    by: by.into(),
                    target: serial.to_string(),
                    detail: json!({ "new": before.is_none(), "enabled": registration.enabled }),
                },
            )?,
        ];
        self.write(guard, &drafts, &cause).await?;
        self.views.device(&serial).ok_or(DeviceError::Stopped)
    }

    /// Registers or changes many devices; says how many. All are checked before any is written; then
    /// they are written in order, a thousand at a time. When that is interrupted, the first ones
    /// are in effect, and importing again completes it.
    ///
    /// # Errors
    /// As [`DeviceService::put`].
    pub async fn import(
        &self,
        devices: Vec<(Serial, Registration)>,
        by: &str,
    ) -> Result<usize, DeviceError> {
        let cause = operator(by)?;
        for (_, registration) in &devices {
            registration.check()?;
        }
        let is_new = |(serial, _): &&(Serial, _)| self.views.device(serial).is_none();
        self.room_for(devices.iter().filter(is_new).count())?;
        for chunk in devices.chunks(IMPORT_CHUNK) {
            // In the order of their numbers: two imports never wait for each other in a circle.
            let slots: BTreeSet<_> = chunk.iter().map(|(s, _)| self.locks.index(s)).collect();
            let mut guards = Vec::with_capacity(slots.len());
            for slot in slots {
                guards.push(self.turn_at(slot).await?);
            }
            let mut drafts = Vec::with_capacity(chunk.len() + 1);
            for (serial, registration) in chunk {
                drafts.push(self.registered(serial, registration)?);
            }
            let first = chunk.first().map(|(serial, _)| serial.to_string());
            let audit = Audit {
                action: "device.import".into(),
                by: by.into(),
                target: first.unwrap_or_default(),
                detail: json!({ "devices": chunk.len() }),
            };
            drafts.push(self.audit("devices", &audit)?);
            let ticket = self.submit(&mut guards, &drafts, &cause)?;
            drop(guards);
            self.settle(&ticket).await?;
        }
        Ok(devices.len())
    }

    /// Lets a device talk to stations, or no longer. Open connections hear of it at once.
    ///
    /// # Errors
    /// If there is no such device, or the journal takes no records.
    pub async fn set_enabled(
        &self,
        serial: &Serial,
        enabled: bool,
        by: &str,
    ) -> Result<Arc<Device>, DeviceError> {
        let cause = operator(by)?;
        let guard = self.turn(serial).await?;
        let device = self.known(serial)?;
        if device.registration.enabled == enabled {
            return Ok(device);
        }
        let registration = Registration {
            enabled,
            ..device.registration.clone()
        };
        let action = if enabled {
            "device.enable"
        } else {
            "device.disable"
        };
        let drafts = [
            self.registered(serial, &registration)?,
            self.audit(
                "devices",
                &Audit {
                    action: action.into(),
                    by: by.into(),
                    target: serial.to_string(),
                    detail: json!(null),
                },
            )?,
        ];
        self.write(guard, &drafts, &cause).await?;
        self.known(serial)
    }

    /// Removes a device: its registration, check-in and kept commands. Its events and pictures stay,
    /// and everything stays in the journal.
    ///
    /// # Errors
    /// If there is no such device, or the journal takes no records.
    pub async fn remove(&self, serial: &Serial, by: &str) -> Result<(), DeviceError> {
        let cause = operator(by)?;
        let guard = self.turn(serial).await?;
        self.known(serial)?;
        let topics = self.topics(serial)?;
        let commands = self.views.commands(serial);
        let mut drafts = vec![
            Draft::delete(topics.registration()),
            Draft::delete(topics.check_in()),
        ];
        drafts.extend(commands.iter().map(|c| Draft::delete(topics.command(c.id))));
        let audit = Audit {
            action: "device.remove".into(),
            by: by.into(),
            target: serial.to_string(),
            detail: json!({ "commands": commands.len() }),
        };
        drafts.push(self.audit("devices", &audit)?);
        self.write(guard, &drafts, &cause).await
    }

    pub(super) fn known(&self, serial: &Serial) -> Result<Arc<Device>, DeviceError> {
        self.views
            .device(serial)
            .ok_or(DeviceError::Unknown(*serial))
    }

    /// The draft of a registration, which keeps the time since which the device is registered.
    fn registered(
        &self,
        serial: &Serial,
        registration: &Registration,
    ) -> Result<Draft, DeviceError> {
        let since = self.views.device(serial).map(|device| device.registered_at);
        let since: Timestamp = since.unwrap_or_else(|| self.clock.wall());
        let topic = self.topics(serial)?.registration();
        Ok(Draft::put(topic, registration.encode(since)))
    }
}
