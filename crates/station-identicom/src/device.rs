//! The device at the other end, once it is known.

use std::sync::Arc;

use spica_devices::{Device, DeviceTopics, Serial};
use spica_identicom_proto::dialogue::{Refusal, Verdict};
use spica_identicom_proto::message::Identity;
use spica_identicom_proto::profile::Profile;
use spica_model::{Topic, TopicError};
use spica_views::{DeviceWatch, Views};

/// A device that was accepted.
#[derive(Debug)]
pub(crate) struct Known {
    identity: Identity,
    serial: Serial,
    topics: DeviceTopics,
}

impl Known {
    /// The device of an identity.
    pub(crate) fn new(
        node: &Topic,
        identity: Identity,
        serial: Serial,
    ) -> Result<Self, TopicError> {
        Ok(Self {
            topics: DeviceTopics::new(node, &serial)?,
            identity,
            serial,
        })
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) const fn serial(&self) -> &Serial {
        &self.serial
    }

    pub(crate) const fn topics(&self) -> &DeviceTopics {
        &self.topics
    }

    /// The topic of events with this name.
    #[expect(
        clippy::expect_used,
        reason = "`check_topics` tried every name of the profile with the longest serial"
    )]
    pub(crate) fn event_topic(&self, name: &str) -> Topic {
        self.topics.event(name).expect("room for an event's topic")
    }
}

/// Whether all topics of devices with this profile can be below `node`.
///
/// # Errors
/// If the node's path leaves no room for the longest.
pub(crate) fn check_topics(node: &Topic, profile: &Profile) -> Result<(), TopicError> {
    let topics = DeviceTopics::new(node, &Serial::LONGEST)?;
    for code in 0..=u8::MAX {
        topics.event(&profile.event_name(code))?;
    }
    Ok(())
}

/// Whether a device may talk to this station, as the registry is now.
pub(crate) fn verdict(views: &Views, serial: &Serial, version: &str) -> Verdict {
    match views.device(serial) {
        None => Verdict::Refused(Refusal::Unknown),
        Some(device) => judge(&device, version),
    }
}

fn judge(device: &Arc<Device>, version: &str) -> Verdict {
    let registration = &device.registration;
    let allowed = &registration.allowed_versions;
    if !registration.enabled {
        Verdict::Refused(Refusal::Disabled)
    } else if !allowed.is_empty() && !allowed.iter().any(|one| one == version) {
        Verdict::Refused(Refusal::VersionNotAllowed)
    } else {
        Verdict::Accepted
    }
}

/// Resolves when the device's registration or commands change; never if none is watched.
pub(crate) async fn changed(watch: Option<&mut DeviceWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
