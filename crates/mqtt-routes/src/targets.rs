//! The targets of a topic: who gets its messages, and how.

use std::ops::Range;
use std::sync::OnceLock;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::options::{SessionId, Since};
use crate::table::{Entry, Sub};

/// How a message is delivered. Whatever is encoded for one of a class is right for all of it that
/// speak the same version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Class {
    /// The greatest quality of service: 0, 1 or 2.
    pub qos: u8,
    /// Whether the retain flag is as it was published: if one of the subscriptions wants it.
    pub retain_as_published: bool,
    /// The identifiers of all subscriptions, rising.
    pub ids: SmallVec<[u32; 2]>,
}

/// One session that gets the messages of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Which session.
    pub session: SessionId,
    class: u32,
    own: u32,
    /// From where on: the earliest of its subscriptions, per lane.
    pub since: Since,
}

/// A shared group that gets the messages of a topic: give it to [`crate::Routes::pick`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub(crate) entry: u32,
    pub(crate) born: u64,
}

impl Group {
    /// A number that no other group has as long as this one is there.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.entry
    }
}

/// Who gets the messages of a topic. Shared by all topics that the same filters match.
#[derive(Debug, Default)]
pub struct Targets {
    targets: Box<[Target]>,
    classes: Box<[Class]>,
    /// Where each class begins in `targets`, and where the last one ends.
    begins: Box<[u32]>,
    groups: Box<[Group]>,
    /// What it was made of: entries and their stamps, rising.
    made_of: Box<[(u32, u64)]>,
    /// Places in `targets`, by session; made when it is first asked for.
    by_session: OnceLock<Box<[u32]>>,
}

/// No class: the session does not get its own messages.
const NONE: u32 = u32::MAX;

impl Targets {
    /// Whether nobody gets the messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.groups.is_empty()
    }

    /// The sessions that get the messages, sorted by class.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The classes, each with its targets.
    pub fn by_class(&self) -> impl Iterator<Item = (&Class, &[Target])> {
        let ranges = self.begins.windows(2).map(|pair| Range {
            start: pair[0] as usize,
            end: pair[1] as usize,
        });
        let of = |range: Range<usize>| &self.targets[range];
        self.classes.iter().zip(ranges.map(of))
    }

    /// The target of a session, if it is one. Costs a binary search; the first time, sorting.
    #[must_use]
    pub fn find(&self, session: SessionId) -> Option<&Target> {
        let session_of = |place: &u32| self.targets[*place as usize].session;
        let places = self.by_session.get_or_init(|| {
            let mut places: Box<[u32]> = (0..).take(self.targets.len()).collect();
            places.sort_unstable_by_key(session_of);
            places
        });
        let found = places.binary_search_by_key(&session, session_of).ok()?;
        self.targets.get(places[found] as usize)
    }

    /// How a target gets a message: `is_own` says whether the session published it itself. `None` if
    /// it does not get it, because all its subscriptions are no-local.
    #[must_use]
    pub fn class(&self, target: &Target, is_own: bool) -> Option<&Class> {
        let class = if is_own { target.own } else { target.class };
        self.classes.get(class as usize)
    }

    /// The shared groups of which one member gets each message.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) fn made_of(&self) -> &[(u32, u64)] {
        &self.made_of
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        /// The parts of one target: itself, and its place by session.
        const TARGET: usize = size_of::<Target>() + size_of::<u32>();
        200 + self.targets.len() * TARGET
            + size_of_val(&*self.classes)
            + size_of_val(&*self.groups)
            + size_of_val(&*self.made_of)
    }

    /// The targets of these entries.
    pub(crate) fn build(entries: &[(u32, &Entry)]) -> Self {
        let mut build = Build::default();
        let plain = || entries.iter().filter(|(_, entry)| entry.share.is_none());
        let subs = plain().map(|(_, entry)| entry.subs.len()).sum();
        build.targets.reserve_exact(subs);
        if plain().count() == 1 {
            for sub in plain().flat_map(|(_, entry)| &entry.subs) {
                build.add(&[sub]);
            }
        } else {
            let mut all: Vec<&Sub> = Vec::with_capacity(subs);
            all.extend(plain().flat_map(|(_, entry)| &entry.subs));
            all.sort_unstable_by_key(|sub| sub.session);
            for subs in all.chunk_by(|one, other| one.session == other.session) {
                build.add(subs);
            }
        }
        let group = |(entry, it): &(u32, &Entry)| {
            let born = it.share.as_ref()?.born;
            Some(Group {
                entry: *entry,
                born,
            })
        };
        Self {
            groups: entries.iter().filter_map(group).collect(),
            made_of: entries.iter().map(|(id, it)| (*id, it.stamp)).collect(),
            ..build.finish()
        }
    }
}

/// Targets in the making: classes are numbered as they are met.
#[derive(Default)]
struct Build {
    targets: Vec<Target>,
    classes: Vec<Class>,
    numbers: HashMap<Class, u32>,
}

impl Build {
    /// Adds the target of a session from its subscriptions, of which there is at least one.
    fn add(&mut self, subs: &[&Sub]) {
        let Some(first) = subs.first() else { return };
        let others = merged(subs.iter().copied());
        let local = |sub: &&Sub| !sub.options().no_local;
        let is_local = subs.iter().all(local);
        let class = self.number(others);
        let own = if is_local {
            class
        } else if subs.iter().any(local) {
            self.number(merged(subs.iter().copied().filter(local)))
        } else {
            NONE
        };
        let since = |lane: usize| subs.iter().map(|sub| sub.since[lane]).min().unwrap_or(0);
        self.targets.push(Target {
            session: first.session,
            class,
            own,
            since: [since(0), since(1)],
        });
    }

    fn number(&mut self, class: Class) -> u32 {
        // Most follow one like them.
        if let Some(last) = self.targets.last()
            && self.classes.get(last.class as usize) == Some(&class)
        {
            return last.class;
        }
        if let Some(number) = self.numbers.get(&class) {
            return *number;
        }
        let number = u32::try_from(self.classes.len()).unwrap_or(NONE);
        self.numbers.insert(class.clone(), number);
        self.classes.push(class);
        number
    }

    fn finish(self) -> Targets {
        let Self {
            mut targets,
            classes,
            ..
        } = self;
        let mut begins = vec![0_u32; classes.len() + 1];
        for target in &targets {
            begins[target.class as usize + 1] += 1;
        }
        for class in 1..begins.len() {
            begins[class] += begins[class - 1];
        }
        // Stable, so that sessions of a class stand in a fixed order; free when it is sorted already.
        targets.sort_by_key(|target| target.class);
        Targets {
            targets: targets.into(),
            classes: classes.into(),
            begins: begins.into(),
            ..Targets::default()
        }
    }
}

/// How a message is delivered that several subscriptions of a session match.
fn merged<'a>(subs: impl Iterator<Item = &'a Sub>) -> Class {
    let mut class = Class::default();
    for options in subs.map(Sub::options) {
        class.qos = class.qos.max(options.qos);
        class.retain_as_published |= options.retain_as_published;
        class.ids.extend(options.id);
    }
    class.ids.sort_unstable();
    class.ids.dedup();
    class
}
