//! Where the records of a device stand: `<node>/devices/<serial>/…`.

use spica_model::{Topic, TopicError, limits};

use crate::Serial;

/// The level below a node under which its devices are.
pub const DEVICES: &str = "devices";

/// What a device's topics need below its own: the longest is `/commands/65535`.
const ROOM_BYTES: usize = 16;

/// The topics of one device.
#[derive(Debug, Clone)]
pub struct DeviceTopics {
    base: Topic,
}

impl DeviceTopics {
    /// The topics of `serial` at `node`.
    ///
    /// # Errors
    /// If the node's own path leaves no room below it.
    pub fn new(node: &Topic, serial: &Serial) -> Result<Self, TopicError> {
        let base = node.join(&format!("{DEVICES}/{serial}"))?;
        if base.as_bytes().len() + ROOM_BYTES > limits::TOPIC_BYTES {
            return Err(TopicError::TooLong);
        }
        Ok(Self { base })
    }

    /// The device itself: everything about it is below.
    #[must_use]
    pub const fn base(&self) -> &Topic {
        &self.base
    }

    /// Its registration: state; a tombstone removes the device.
    #[must_use]
    pub fn registration(&self) -> Topic {
        self.below("registration")
    }

    /// Its last check-in: state.
    #[must_use]
    pub fn check_in(&self) -> Topic {
        self.below("check-in")
    }

    /// Its pictures: events.
    #[must_use]
    pub fn pictures(&self) -> Topic {
        self.below("pictures")
    }

    /// One of its commands: state.
    #[must_use]
    pub fn command(&self, id: u16) -> Topic {
        self.below(&format!("commands/{id}"))
    }

    /// Its events of one name.
    ///
    /// # Errors
    /// If the path is too long or `name` is no topic level.
    pub fn event(&self, name: &str) -> Result<Topic, TopicError> {
        self.base.join(&format!("events/{name}"))
    }

    #[expect(
        clippy::expect_used,
        reason = "`new` left room for every name that is given here, and all are plain ASCII"
    )]
    fn below(&self, rest: &str) -> Topic {
        self.base.join(rest).expect("room below a device")
    }
}

/// What a record about a device is about, as far as the folds care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its registration.
    Registration,
    /// Its check-in.
    CheckIn,
    /// One of its commands.
    Command(u16),
}

impl Part {
    /// Whose and what part of it `topic` is, if `node` has a device there and a fold cares for it.
    #[must_use]
    pub fn of(node: &str, topic: &Topic) -> Option<(Serial, Self)> {
        let below = topic
            .below(node)?
            .strip_prefix(DEVICES)?
            .strip_prefix('/')?;
        let (serial, rest) = below.split_once('/')?;
        let part = match rest {
            "registration" => Self::Registration,
            "check-in" => Self::CheckIn,
            _ => Self::Command(command_id(rest.strip_prefix("commands/")?)?),
        };
        Some((Serial::new(serial).ok()?, part))
    }
}

/// Reads an id in its one spelling: `007` and `+7` are other topics than `7`.
fn command_id(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back_as_the_part_they_are() {
        let node = Topic::new("root/s1").unwrap();
        let serial = Serial::new("0012345").unwrap();
        let topics = DeviceTopics::new(&node, &serial).unwrap();
        let of = |topic: Topic| Part::of("root/s1", &topic);
        assert_eq!(
            of(topics.registration()),
            Some((serial, Part::Registration))
        );
        assert_eq!(of(topics.check_in()), Some((serial, Part::CheckIn)));
        assert_eq!(
            of(topics.command(65_535)),
            Some((serial, Part::Command(65_535)))
        );
        assert_eq!(of(topics.pictures()), None);
        assert_eq!(of(topics.event("man-down").unwrap()), None);
        assert_eq!(
            topics.event("man-down").unwrap().as_str(),
            "root/s1/devices/0012345/events/man-down"
        );
    }

    #[test]
    fn a_node_with_too_long_a_path_has_no_devices() {
        let serial = Serial::new("0123456789").unwrap();
        let room = "/devices/0123456789".len() + ROOM_BYTES;
        let longest = Topic::new("n".repeat(limits::TOPIC_BYTES - room)).unwrap();
        let topics = DeviceTopics::new(&longest, &serial).unwrap();
        assert!(topics.command(u16::MAX).as_bytes().len() <= limits::TOPIC_BYTES);
        let longer = Topic::new("n".repeat(limits::TOPIC_BYTES - room + 1)).unwrap();
        assert!(DeviceTopics::new(&longer, &serial).is_err());
    }

    #[test]
    fn other_topics_are_no_part_of_a_device() {
        for other in [
            "root/s1/devices/1/commands/007",
            "root/s1/devices/1/commands/65536",
            "root/s1/devices/1/commands/0",
            "root/s1/devices/1/commands/1/x",
            "root/s1/devices/1/registration/x",
            "root/s1/devices/12345678901/registration",
            "root/s1/device/1/registration",
            "root/s2/devices/1/registration",
            "root/s1/devices",
        ] {
            let topic = Topic::new(other).unwrap();
            assert_eq!(Part::of("root/s1", &topic), None, "{other}");
        }
    }
}
