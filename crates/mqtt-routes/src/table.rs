//! The subscriptions, by filter and by session. Each side knows where the other one has it, so that
//! nothing is searched when one goes.

use std::hash::BuildHasher as _;
use std::sync::atomic::AtomicU32;

use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;
use smallvec::SmallVec;

use crate::options::{Options, SessionId, Since};
use crate::share::{self, Shares, Strategy};

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: Slab<Entry>,
    by_filter: HashTable<u32>,
    hasher: DefaultHashBuilder,
    sessions: Vec<Session>,
    subscriptions: usize,
    /// How often anything has changed.
    changes: u64,
}

/// A filter and who has subscribed to it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As subscribed to, with `$share/<name>/`.
    pub(crate) filter: Box<str>,
    pub(crate) subs: SmallVec<[Sub; 1]>,
    /// The change that made it what it is; no two have the same.
    pub(crate) stamp: u64,
    pub(crate) share: Option<Box<Share>>,
}

/// What is particular to a shared group.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) strategy: Strategy,
    /// The change that made it.
    pub(crate) born: u64,
    /// Whose turn it is.
    pub(crate) turn: AtomicU32,
}

/// One subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sub {
    pub(crate) since: Since,
    pub(crate) session: SessionId,
    /// Where the session has it.
    place: u32,
    /// The identifier, 0 for none.
    id: u32,
    /// How much wider the matcher became by it.
    width: u16,
    flags: u8,
}

#[derive(Debug, Default)]
struct Session {
    subs: SmallVec<[SubRef; 2]>,
    /// What its filters have added to the width of the matcher.
    width: u32,
}

/// Where a subscription is: which filter, and where in its list.
#[derive(Debug, Clone, Copy)]
struct SubRef {
    entry: u32,
    at: u32,
}

const QOS: u8 = 3;
const NO_LOCAL: u8 = 4;
const AS_PUBLISHED: u8 = 8;

impl Sub {
    fn set(&mut self, options: &Options) {
        self.id = options.id.unwrap_or(0);
        self.flags = options.qos.min(2)
            | if options.no_local { NO_LOCAL } else { 0 }
            | if options.retain_as_published {
                AS_PUBLISHED
            } else {
                0
            };
    }

    pub(crate) const fn options(&self) -> Options {
        Options {
            qos: self.flags & QOS,
            no_local: self.flags & NO_LOCAL != 0,
            retain_as_published: self.flags & AS_PUBLISHED != 0,
            id: if self.id == 0 { None } else { Some(self.id) },
            since: self.since,
        }
    }
}

/// A number of the table as it is kept. There are never more than four milliards of anything: the
/// limits are below that, and memory far below.
#[expect(clippy::cast_possible_truncation, reason = "limited, see above")]
const fn small(number: usize) -> u32 {
    number as u32
}

impl Table {
    pub(crate) const fn len(&self) -> usize {
        self.subscriptions
    }

    pub(crate) fn filters(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entry(&self, entry: u32) -> Option<&Entry> {
        self.entries.get(entry as usize)
    }

    /// The entry of a filter, as it is subscribed to.
    pub(crate) fn find(&self, filter: &str) -> Option<u32> {
        let is_it = |entry: &u32| *self.entries[*entry as usize].filter == *filter;
        self.by_filter
            .find(self.hasher.hash_one(filter), is_it)
            .copied()
    }

    /// Where the subscription of a session to an entry is in the entry's list. Looks through the
    /// shorter of both lists.
    pub(crate) fn find_sub(&self, entry: u32, session: SessionId) -> Option<u32> {
        let own = &self.sessions.get(session as usize)?.subs;
        let subs = &self.entries[entry as usize].subs;
        if own.len() <= subs.len() {
            let mine = own.iter().find(|it| it.entry == entry);
            return mine.map(|it| it.at);
        }
        let at = subs.iter().position(|sub| sub.session == session);
        at.map(small)
    }

    pub(crate) fn options(&self, entry: u32, at: u32) -> Options {
        self.entries[entry as usize].subs[at as usize].options()
    }

    /// How many subscriptions a session has, and what its filters have added to the width.
    pub(crate) fn session(&self, session: SessionId) -> (usize, usize) {
        let session = self.sessions.get(session as usize);
        session.map_or((0, 0), |it| (it.subs.len(), it.width as usize))
    }

    /// The subscriptions of a session, in no order.
    pub(crate) fn of_session(&self, session: SessionId) -> impl Iterator<Item = (&Entry, &Sub)> {
        let session = self.sessions.get(session as usize);
        let subs = session.map_or(&[] as &[SubRef], |it| &it.subs);
        subs.iter().map(|it| {
            let entry = &self.entries[it.entry as usize];
            (entry, &entry.subs[it.at as usize])
        })
    }

    /// The last subscription of a session: its filter, where it is.
    pub(crate) fn last_of(&self, session: SessionId) -> Option<(u32, u32)> {
        let last = self.sessions.get(session as usize)?.subs.last()?;
        Some((last.entry, last.at))
    }

    /// Adds a filter without subscriptions.
    pub(crate) fn add_entry(&mut self, filter: &str, strategy: Option<Strategy>) -> u32 {
        self.changes += 1;
        let share = |strategy| {
            Box::new(Share {
                strategy,
                born: self.changes,
                turn: AtomicU32::new(0),
            })
        };
        let entry = small(self.entries.insert(Entry {
            filter: filter.into(),
            subs: SmallVec::new(),
            stamp: self.changes,
            share: strategy.map(share),
        }));
        let (entries, hasher) = (&self.entries, &self.hasher);
        let hash = |entry: &u32| hasher.hash_one(&*entries[*entry as usize].filter);
        self.by_filter.insert_unique(hash(&entry), entry, hash);
        entry
    }

    /// Adds a subscription that is not there, which has made the matcher wider by `width`.
    pub(crate) fn add_sub(
        &mut self,
        entry: u32,
        session: SessionId,
        options: &Options,
        width: usize,
    ) {
        let wanted = session as usize + 1;
        if self.sessions.len() < wanted {
            self.sessions.resize_with(wanted, Session::default);
        }
        let own = &mut self.sessions[session as usize];
        let subs = &mut self.entries[entry as usize].subs;
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        let mut sub = Sub {
            since: options.since,
            session,
            place: small(own.subs.len()),
            id: 0,
            width,
            flags: 0,
        };
        sub.set(options);
        own.width += u32::from(width);
        own.subs.push(SubRef {
            entry,
            at: small(subs.len()),
        });
        subs.push(sub);
        self.subscriptions += 1;
        self.touch(entry);
    }

    /// Changes the options of a subscription, but for `since`.
    pub(crate) fn replace(&mut self, entry: u32, at: u32, options: &Options) {
        self.entries[entry as usize].subs[at as usize].set(options);
        self.touch(entry);
    }

    /// Removes a subscription. The filter, if it was the last one that had it.
    pub(crate) fn remove_sub(&mut self, entry: u32, at: u32) -> Option<Entry> {
        let subs = &mut self.entries[entry as usize].subs;
        let sub = subs.swap_remove(at as usize);
        if let Some(moved) = subs.get(at as usize) {
            self.sessions[moved.session as usize].subs[moved.place as usize].at = at;
        }
        if subs.spilled() && subs.len() < subs.capacity() / 4 {
            subs.shrink_to_fit();
        }
        let own = &mut self.sessions[sub.session as usize];
        own.width -= u32::from(sub.width);
        own.subs.swap_remove(sub.place as usize);
        if own.subs.is_empty() {
            own.subs.shrink_to_fit();
        }
        if let Some(moved) = own.subs.get(sub.place as usize) {
            self.entries[moved.entry as usize].subs[moved.at as usize].place = sub.place;
        }
        self.subscriptions -= 1;
        self.touch(entry);
        let is_last = self.entries[entry as usize].subs.is_empty();
        is_last.then(|| self.remove_entry(entry))
    }

    fn remove_entry(&mut self, entry: u32) -> Entry {
        let gone = self.entries.remove(entry as usize);
        let hash = self.hasher.hash_one(&*gone.filter);
        if let Ok(found) = self.by_filter.find_entry(hash, |it| *it == entry) {
            found.remove();
        }
        gone
    }

    /// Gives all shared groups their strategies anew.
    pub(crate) fn set_shares(&mut self, shares: &Shares) {
        for (_, entry) in &mut self.entries {
            if let Some(it) = &mut entry.share
                && let Ok(Some((name, _))) = share::split(&entry.filter)
            {
                it.strategy = shares.of(name);
            }
        }
    }

    fn touch(&mut self, entry: u32) {
        self.changes += 1;
        self.entries[entry as usize].stamp = self.changes;
    }
}
