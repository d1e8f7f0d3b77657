//! Which lists a question is about.

use std::collections::BTreeSet;

use spica_model::{Seq, Topic};

use super::Wanted;
use crate::error::HistoryError;
use crate::index::lane::LaneIndex;
use crate::index::store::NAMES;
use crate::index::{OTHERS, event_key, is_topic};

/// Most lists that are merged. A question about more topics is about much of the journal.
const LISTS_MAX: usize = 4_096;
/// Most names that are compared with a filter.
const NAMES_MAX: usize = 1_000_000;

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The lists to merge; none to read the journal in order.
    pub(crate) lists: Option<Vec<u32>>,
    /// Up to where the lists hold everything.
    pub(crate) through: Seq,
}

impl Plan {
    /// The plan for a question to a lane.
    pub(crate) fn of(index: &LaneIndex, wanted: &Wanted) -> Result<Self, HistoryError> {
        let sought = Sought::of(index, wanted);
        // What is named in memory is either in what is read of the file, or seen in memory.
        let (reading, through, mut lists) = {
            let state = index.state();
            let mut lists = BTreeSet::new();
            for head in state.heads() {
                let names = head.names.iter();
                let fits = names.filter(|(name, _)| sought.has(index, wanted, name));
                lists.extend(fits.map(|(_, list)| *list));
            }
            (index.store.read()?, state.head.mark.seq, lists)
        };
        let names = reading.open_table(NAMES).map_err(HistoryError::index)?;
        match &sought {
            Sought::Everything => {
                return Ok(Self {
                    lists: None,
                    through,
                });
            }
            Sought::One(name) => {
                let row = names.get(&name[..]).map_err(HistoryError::index)?;
                lists.extend(row.map(|row| row.value()));
            }
            Sought::Below(prefix) => {
                let from = prefix.as_bytes();
                let rows = names.range::<&[u8]>(from..).map_err(HistoryError::index)?;
                for (seen, row) in rows.enumerate() {
                    let (name, list) = row.map_err(HistoryError::index)?;
                    if !name.value().starts_with(from) {
                        break;
                    }
                    if seen >= NAMES_MAX || lists.len() > LISTS_MAX {
                        return Ok(Self {
                            lists: None,
                            through,
                        });
                    }
                    if sought.has(index, wanted, name.value()) {
                        lists.insert(list.value());
                    }
                }
            }
        }
        if lists.len() > LISTS_MAX {
            return Ok(Self {
                lists: None,
                through,
            });
        }
        // Any topic may be among those that have no list of their own.
        lists.insert(OTHERS);
        Ok(Self {
            lists: Some(lists.into_iter().collect()),
            through,
        })
    }
}

/// What is looked for among the names.
#[derive(Debug, PartialEq, Eq)]
enum Sought {
    Everything,
    /// One name: of a topic or of an event.
    One(Vec<u8>),
    /// Topics that begin like this.
    Below(String),
}

impl Sought {
    fn of(index: &LaneIndex, wanted: &Wanted) -> Self {
        let filter = wanted.filter.as_ref();
        if let Some(filter) = filter
            && !filter.as_str().contains(['+', '#'])
        {
            return Self::One(filter.as_str().into());
        }
        if let (Some(event), Some(device)) = (&wanted.event, &wanted.below)
            && index.rules.is_device(device)
        {
            return Self::One(format!("{device}/events/{event}").into());
        }
        let event_of_filter = filter.and_then(|filter| index.rules.event_of_filter(filter));
        if let Some(event) = wanted.event.as_deref().or(event_of_filter) {
            return Self::One(event_key(event));
        }
        let prefix = filter.map_or("", |filter| filter.literal_prefix());
        match &wanted.below {
            Some(below) if below.as_str().len() >= prefix.len() => Self::Below(format!("{below}/")),
            _ if prefix.is_empty() => Self::everything(wanted),
            _ => Self::Below(prefix.to_owned()),
        }
    }

    /// A filter that begins with a wildcard may still be about few topics.
    fn everything(wanted: &Wanted) -> Self {
        match &wanted.filter {
            Some(filter) if filter.as_str() != "#" => Self::Below(String::new()),
            _ => Self::Everything,
        }
    }

    /// Whether a name is one of those.
    fn has(&self, index: &LaneIndex, wanted: &Wanted, name: &[u8]) -> bool {
        match self {
            Self::Everything => false,
            Self::One(sought) => name == sought,
            Self::Below(prefix) => {
                name.starts_with(prefix.as_bytes()) && is_topic(name) && fits(index, wanted, name)
            }
        }
    }
}

fn fits(index: &LaneIndex, wanted: &Wanted, name: &[u8]) -> bool {
    let Ok(topic) = Topic::from_bytes(bytes::Bytes::copy_from_slice(name)) else {
        return false;
    };
    wanted.fits(&topic, index.rules.event_of(&topic))
}
