//! The table of routes.

use std::sync::Arc;

use smallvec::SmallVec;
use spica_matcher::{Matcher, Matches, check_filter};

use crate::cache::Cache;
use crate::options::{Change, Options, SessionId, Subscription};
use crate::pick::{self, Load, Message, Picked};
use crate::share::{self, Shares};
use crate::table::{Entry, Table};
use crate::targets::{Group, Targets};
use crate::{Limits, RouteError, Status};

/// All subscriptions, and who gets what by them.
#[derive(Debug)]
pub struct Routes {
    limits: Limits,
    shares: Shares,
    table: Table,
    /// The entries of filters with wildcards, and of all shared ones. Those of the others are found
    /// by the table itself: their filter is the topic.
    matcher: Matcher,
    cache: Cache,
}

impl Routes {
    /// A table without subscriptions.
    #[must_use]
    pub fn new(limits: Limits, shares: Shares) -> Self {
        Self {
            limits,
            shares,
            table: Table::default(),
            matcher: Matcher::default(),
            cache: Cache::new(limits.cache_bytes),
        }
    }

    /// Makes a subscription, or replaces the options of the one that the session has with this very
    /// filter.
    ///
    /// # Errors
    /// If the filter breaks a rule or a limit is reached; nothing has changed then. A subscription
    /// that is there can be replaced whatever the limits are.
    pub fn subscribe(
        &mut self,
        session: SessionId,
        filter: &str,
        options: &Options,
    ) -> Result<Change, RouteError> {
        let share = share::split(filter)?;
        if share.is_some() && options.no_local {
            return Err(RouteError::NoLocalShared);
        }
        let entry = self.table.find(filter);
        if let Some(entry) = entry
            && let Some(at) = self.table.find_sub(entry, session)
        {
            let before = self.table.options(entry, at);
            self.table.replace(entry, at, options);
            return Ok(Change::Replaced(before));
        }
        let inner = share.map_or(filter, |(_, inner)| inner);
        let width = self.admit(session, entry, filter, inner)?;
        let entry = match entry {
            Some(entry) => entry,
            None => {
                let strategy = share.map(|(name, _)| self.shares.of(name));
                let entry = self.table.add_entry(filter, strategy);
                self.route(entry, filter, inner);
                entry
            }
        };
        self.table.add_sub(entry, session, options, width);
        Ok(Change::New)
    }

    /// Ends a subscription; whether there was one.
    pub fn unsubscribe(&mut self, session: SessionId, filter: &str) -> bool {
        let Some(entry) = self.table.find(filter) else {
            return false;
        };
        let Some(at) = self.table.find_sub(entry, session) else {
            return false;
        };
        self.remove_sub(entry, at);
        true
    }

    /// Ends all subscriptions of a session; how many there were.
    pub fn remove(&mut self, session: SessionId) -> usize {
        let mut removed = 0;
        while let Some((entry, at)) = self.table.last_of(session) {
            self.remove_sub(entry, at);
            removed += 1;
        }
        removed
    }

    /// The options of a subscription, if there is one with this very filter.
    #[must_use]
    pub fn get(&self, session: SessionId, filter: &str) -> Option<Options> {
        let entry = self.table.find(filter)?;
        let at = self.table.find_sub(entry, session)?;
        Some(self.table.options(entry, at))
    }

    /// The subscriptions of a session, in no order.
    pub fn subscriptions(&self, session: SessionId) -> impl Iterator<Item = Subscription<'_>> {
        let all = self.table.of_session(session);
        all.map(|(entry, sub)| Subscription {
            filter: &entry.filter,
            options: sub.options(),
        })
    }

    /// How many subscriptions a session has.
    #[must_use]
    pub fn subscriptions_of(&self, session: SessionId) -> usize {
        self.table.session(session).0
    }

    /// Who gets the messages of a topic.
    #[must_use]
    pub fn targets(&self, topic: &str) -> Arc<Targets> {
        let generation = self.matcher.generation();
        let is_current = |targets: &Targets| self.is_current(targets);
        if let Some(known) = self.cache.of_topic(topic, generation, is_current) {
            return known;
        }
        let entries = self.entries_of(topic);
        let build = || {
            let entry = |id: &u32| Some((*id, self.table.entry(*id)?));
            let entries: SmallVec<[(u32, &Entry); 4]> = entries.iter().filter_map(entry).collect();
            Targets::build(&entries)
        };
        let targets = self.cache.of_entries(&entries, is_current, build);
        self.cache.note(topic, generation, &targets);
        targets
    }

    /// The member of a shared group that gets a message. `None` if the group is gone. Members that
    /// are [full](Load::Full) are chosen only if none is ready, those [offline](Load::Offline) only
    /// if none is connected.
    pub fn pick(
        &self,
        group: Group,
        message: &Message<'_>,
        load: impl Fn(SessionId) -> Load,
    ) -> Option<Picked> {
        let entry = self.table.entry(group.entry)?;
        let is_it = entry.share.as_ref()?.born == group.born;
        if !is_it {
            return None;
        }
        pick::pick(entry, message, load)
    }

    /// The shared group of a filter; `None` if it has no members or is no shared one.
    #[must_use]
    pub fn group(&self, filter: &str) -> Option<Group> {
        let entry = self.table.find(filter)?;
        let born = self.table.entry(entry)?.share.as_ref()?.born;
        Some(Group { entry, born })
    }

    /// The filter of a shared group and its members; `None` if it is gone.
    #[must_use]
    pub fn members(&self, group: Group) -> Option<(&str, impl Iterator<Item = SessionId>)> {
        let entry = self.table.entry(group.entry)?;
        let is_it = entry.share.as_ref()?.born == group.born;
        is_it.then(|| (&*entry.filter, entry.subs.iter().map(|sub| sub.session)))
    }

    /// Gives shared groups other strategies, also those that are there.
    pub fn set_shares(&mut self, shares: Shares) {
        self.table.set_shares(&shares);
        self.shares = shares;
    }

    /// Takes other limits. What is there already stays.
    pub fn set_limits(&mut self, limits: Limits) {
        if limits.cache_bytes != self.limits.cache_bytes {
            self.cache = Cache::new(limits.cache_bytes);
        }
        self.limits = limits;
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Status {
        let (topics, hits, misses) = self.cache.figures();
        Status {
            subscriptions: self.table.len(),
            filters: self.table.filters(),
            width: self.matcher.width(),
            topics,
            hits,
            misses,
        }
    }

    /// Checks a new subscription; how much wider it makes the matcher.
    fn admit(
        &self,
        session: SessionId,
        entry: Option<u32>,
        filter: &str,
        inner: &str,
    ) -> Result<usize, RouteError> {
        check_filter(inner)?;
        let limits = &self.limits;
        if filter.len() > limits.filter_bytes {
            return Err(RouteError::Bytes(limits.filter_bytes));
        }
        if inner.split('/').count() > limits.filter_levels {
            return Err(RouteError::Levels(limits.filter_levels));
        }
        let (subscriptions, own_width) = self.table.session(session);
        if subscriptions >= limits.session_subscriptions {
            return Err(RouteError::SessionFull(limits.session_subscriptions));
        }
        if self.table.len() >= limits.subscriptions {
            return Err(RouteError::Full(limits.subscriptions));
        }
        if let Some(entry) = entry.and_then(|entry| self.table.entry(entry)) {
            if entry.share.is_some() && entry.subs.len() >= limits.members {
                return Err(RouteError::Members(limits.members));
            }
            return Ok(0);
        }
        let width = self.matcher.width_with(inner);
        let wider = width - self.matcher.width();
        if wider > 0 && width > limits.width {
            return Err(RouteError::Width);
        }
        if wider > 0 && own_width + wider > limits.session_width {
            return Err(RouteError::SessionWidth);
        }
        Ok(wider)
    }

    /// Lets topics find a new entry.
    fn route(&mut self, entry: u32, filter: &str, inner: &str) {
        if is_direct(filter) {
            self.cache.forget(filter);
        } else {
            self.matcher.add(inner, entry);
        }
    }

    fn remove_sub(&mut self, entry: u32, at: u32) {
        if let Some(gone) = self.table.remove_sub(entry, at)
            && !is_direct(&gone.filter)
        {
            self.matcher.remove(share::inner(&gone.filter), entry);
        }
    }

    /// The entries that match a topic, rising.
    fn entries_of(&self, topic: &str) -> Matches {
        let mut entries = self.matcher.matches(topic);
        if is_direct(topic) {
            entries.extend(self.table.find(topic));
        }
        entries.sort_unstable();
        entries
    }

    fn is_current(&self, targets: &Targets) -> bool {
        let is_same = |(id, stamp): &(u32, u64)| {
            let entry = self.table.entry(*id);
            entry.is_some_and(|entry| entry.stamp == *stamp)
        };
        targets.made_of().iter().all(is_same)
    }
}

/// Whether a filter is found by the table itself: the topic is written as it is. (A topic cannot
/// begin with `$share/`, or it would find the members of a group.)
fn is_direct(filter: &str) -> bool {
    !filter.contains(['+', '#']) && !filter.starts_with("$share/")
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
