//! Which message a topic stands for.

/// What a message of an edge node is, or one to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// An edge node says what it is.
    NodeBirth,
    /// An edge node's session is over.
    NodeDeath,
    /// Values of an edge node.
    NodeData,
    /// An order to an edge node.
    NodeCommand,
    /// A device says what it is.
    DeviceBirth,
    /// A device is gone.
    DeviceDeath,
    /// Values of a device.
    DeviceData,
    /// An order to a device.
    DeviceCommand,
}

/// A message by its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub kind: MessageType,
    /// The group of the edge node.
    pub group: &'a str,
    /// The edge node.
    pub edge: &'a str,
    /// The device, if it is about one.
    pub device: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// The message of a topic `spBv1.0/<group>/<type>/<edge>[/<device>]`; none for other topics.
    #[must_use]
    pub fn of(topic: &'a str) -> Option<Self> {
        use MessageType as T;
        let mut levels = topic.strip_prefix("spBv1.0/")?.split('/');
        let mut level = || levels.next().filter(|level| !level.is_empty());
        let (group, kind, edge) = (level()?, level()?, level()?);
        let kind = match kind {
            "NBIRTH" => T::NodeBirth,
            "NDEATH" => T::NodeDeath,
            "NDATA" => T::NodeData,
            "NCMD" => T::NodeCommand,
            "DBIRTH" => T::DeviceBirth,
            "DDEATH" => T::DeviceDeath,
            "DDATA" => T::DeviceData,
            "DCMD" => T::DeviceCommand,
            _ => return None,
        };
        let device = match kind {
            T::NodeBirth | T::NodeDeath | T::NodeData | T::NodeCommand => None,
            T::DeviceBirth | T::DeviceDeath | T::DeviceData | T::DeviceCommand => Some(level()?),
        };
        levels.next().is_none().then_some(Self {
            kind,
            group,
            edge,
            device,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_messages_or_something_else() {
        let message = Message::of("spBv1.0/plant/DDATA/edge 1/pump").unwrap();
        assert_eq!(message.kind, MessageType::DeviceData);
        assert_eq!((message.group, message.edge), ("plant", "edge 1"));
        assert_eq!(message.device, Some("pump"));
        assert_eq!(Message::of("spBv1.0/g/NDEATH/e").unwrap().device, None);
        for other in [
            "spBv1.0/STATE/spica",
            "spBv1.0/g/NDATA",
            "spBv1.0/g/NDATA/",
            "spBv1.0//NDATA/e",
            "spBv1.0/g/NDATA/e/d",
            "spBv1.0/g/DDATA/e",
            "spBv1.0/g/DDATA/e/d/x",
            "spBv1.0/g/ndata/e",
            "spAv1.0/g/NDATA/e",
        ] {
            assert_eq!(Message::of(other), None, "{other}");
        }
    }
}
