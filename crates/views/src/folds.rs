//! The folds behind the views, as one value.

use std::collections::BTreeSet;

use spica_devices::{
    CheckIn, Command, CommandQueue, DEVICES, Part, PayloadError, Registration, Registry, Serial,
};
use spica_model::{Op, Record, Restated, Timestamp, Topic};
use spica_state::{Outcome, StateTree};

/// State tree, registry and command queue. The latter two follow what the tree shows.
#[derive(Debug, Default)]
pub(crate) struct Folds {
    pub(crate) tree: StateTree,
    pub(crate) registry: Registry,
    pub(crate) commands: CommandQueue,
}

/// What a record means to the registry and the command queue. Found out before the lock is taken.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// Nothing.
    Other,
    Registered(Serial, Registration, Timestamp),
    Removed(Serial),
    CheckedIn(Serial, Timestamp, String),
    CheckInForgotten(Serial),
    Command(Box<Command>),
    CommandForgotten(Serial, u16),
}

impl Meaning {
    /// What `record` means at `node`. With a payload that is none it means that the topic has no
    /// value: what cannot be read is not shown as if it were older.
    pub(crate) fn of(node: &str, record: &Record) -> (Self, Option<PayloadError>) {
        let Some((serial, part)) = Part::of(node, &record.topic) else {
            return (Self::Other, None);
        };
        let decoded = match record.op {
            Op::Delete | Op::Restate(Restated { deletes: true, .. }) => Ok(None),
            Op::Put | Op::Restate(_) => Self::decode(serial, part, record).map(Some),
        };
        match decoded {
            Ok(Some(meaning)) => (meaning, None),
            Ok(None) => (Self::gone(serial, part), None),
            Err(error) => (Self::gone(serial, part), Some(error)),
        }
    }

    fn decode(serial: Serial, part: Part, record: &Record) -> Result<Self, PayloadError> {
        Ok(match part {
            Part::Registration => {
                let (registration, since) = Registration::decode(&record.payload)?;
                Self::Registered(serial, registration, since.unwrap_or(record.received))
            }
            Part::CheckIn => {
                let check_in = CheckIn::decode(&record.payload)?;
                Self::CheckedIn(serial, record.received, check_in.software_version)
            }
            Part::Command(id) => {
                let command = Command::decode(serial, id, &record.payload)?;
                Self::Command(Box::new(command))
            }
        })
    }

    const fn gone(serial: Serial, part: Part) -> Self {
        match part {
            Part::Registration => Self::Removed(serial),
            Part::CheckIn => Self::CheckInForgotten(serial),
            Part::Command(id) => Self::CommandForgotten(serial, id),
        }
    }

    /// The device whose watchers care: check-ins are not for them.
    const fn watched(&self) -> Option<Serial> {
        match self {
            Self::Registered(serial, ..)
            | Self::Removed(serial)
            | Self::CommandForgotten(serial, _) => Some(*serial),
            Self::Command(command) => Some(command.serial),
            Self::Other | Self::CheckedIn(..) | Self::CheckInForgotten(_) => None,
        }
    }
}

impl Folds {
    pub(crate) fn new(tree: StateTree) -> Self {
        Self {
            tree,
            ..Self::default()
        }
    }

    /// Rebuilds registry and command queue from what the tree shows. Says how many device records
    /// could not be read.
    pub(crate) fn rebuild(&mut self, node: &Topic) -> u64 {
        let node = node.as_str();
        let mut undecodable = 0;
        for record in self.tree.subtree(&format!("{node}/{DEVICES}"), None) {
            let (meaning, error) = Meaning::of(node, record);
            undecodable += u64::from(error.is_some());
            mean(&mut self.registry, &mut self.commands, meaning);
        }
        undecodable
    }

    /// Folds one record, and notes the device whose watchers care in `touched`.
    pub(crate) fn apply(
        &mut self,
        node: &Topic,
        record: &Record,
        meaning: Meaning,
        touched: &mut BTreeSet<Serial>,
    ) {
        let meaning = match self.tree.apply(record) {
            Outcome::Shows => meaning,
            Outcome::ShowsOther(other) => Meaning::of(node.as_str(), &other).0,
            Outcome::Unchanged | Outcome::OverLimit => return,
        };
        touched.extend(meaning.watched());
        mean(&mut self.registry, &mut self.commands, meaning);
    }
}

fn mean(registry: &mut Registry, commands: &mut CommandQueue, meaning: Meaning) {
    match meaning {
        Meaning::Other => {}
        Meaning::Registered(serial, registration, at) => {
            registry.register(serial, registration, at);
        }
        Meaning::Removed(serial) => registry.remove(&serial),
        Meaning::CheckedIn(serial, at, version) => registry.check_in(serial, at, version),
        Meaning::CheckInForgotten(serial) => registry.forget_check_in(&serial),
        Meaning::Command(command) => commands.put(*command),
        Meaning::CommandForgotten(serial, id) => commands.remove(&serial, id),
    }
}
