//! Who connects too often is kept out for a while.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::BuildHasher as _;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashMap};
use ipnet::IpNet;
use spica_admission::source_of;

use crate::aging::Aging;
use crate::who::Who;

/// Whom a ban is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A client identifier.
    Client(Box<str>),
    /// A user name.
    User(Box<str>),
    /// A source: an IPv4 address or an IPv6 /64.
    Source(IpNet),
}

/// When a subject is banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlapRule {
    /// More connections than this,
    pub connects: u32,
    /// within this time,
    pub within: Duration,
    /// ban it for so long.
    pub ban: Duration,
}

/// The rules. What is `None` is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlappingRules {
    /// For each client identifier.
    pub client: Option<FlapRule>,
    /// For each user name.
    pub user: Option<FlapRule>,
    /// For each source.
    pub source: Option<FlapRule>,
    /// How many subjects are watched at once.
    pub watched: usize,
    /// How many bans there may be. The one that ends first makes room for a new one.
    pub bans: usize,
}

impl Default for FlappingRules {
    fn default() -> Self {
        let client = FlapRule {
            connects: 30,
            within: Duration::from_secs(60),
            ban: Duration::from_secs(300),
        };
        Self {
            client: Some(client),
            user: None,
            source: None,
            watched: 200_000,
            bans: 10_000,
        }
    }
}

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject} is banned for another {} s: {reason}", left.as_secs().max(1))]
pub struct Ban {
    /// Whom it is for.
    pub subject: Subject,
    /// Why, for the operator.
    pub reason: String,
    /// Whether it was made by a rule, not by hand.
    pub automatic: bool,
    /// How long it still lasts.
    pub left: Duration,
}

#[derive(Debug)]
struct Entry {
    until: Duration,
    reason: String,
    automatic: bool,
}

/// How often a subject has connected lately.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Duration,
    connects: u32,
}

/// Watches who connects, and keeps the bans.
#[derive(Debug)]
pub struct Flapping {
    rules: FlappingRules,
    hasher: DefaultHashBuilder,
    /// By the hash of the subject: 16 bytes, however long a client identifier is. Two with the same
    /// hash would be counted as one; with 64 bits that nobody outside can compute, nobody meets that.
    watched: Aging<u64, Window>,
    bans: HashMap<Subject, Entry>,
    ends: BTreeSet<(Duration, Subject)>,
}

/// Longest reason, in bytes; what is longer is cut.
const REASON_BYTES: usize = 200;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(f, "the client {client:?}"),
            Self::User(user) => write!(f, "the user {user:?}"),
            Self::Source(source) => write!(f, "the source {source}"),
        }
    }
}

impl Flapping {
    /// Nobody has connected yet.
    #[must_use]
    pub fn new(rules: FlappingRules) -> Self {
        Self {
            rules,
            hasher: DefaultHashBuilder::default(),
            watched: Aging::new(rules.watched),
            bans: HashMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Takes other rules. Bans that are there stay; counting begins anew, unless they are the same.
    pub fn set_rules(&mut self, rules: FlappingRules) {
        if self.rules == rules {
            return;
        }
        self.rules = rules;
        self.watched = Aging::new(rules.watched);
    }

    /// Counts a connection that asks to be let in. Ask before anything costly is done for it; `user`
    /// is what it claims, so a rule for users lets one client ban a user that it only names: ask again
    /// with [`Flapping::banned`] where it is known, or leave that rule out.
    ///
    /// # Errors
    /// The ban that keeps it out, also if it was made just now. `now` is the time since the start of
    /// the process.
    pub fn connected(&mut self, now: Duration, who: &Who<'_>) -> Result<(), Ban> {
        self.banned(now, who)?;
        let rules = [self.rules.client, self.rules.user, self.rules.source];
        for (subject, rule) in subjects(who).into_iter().zip(rules) {
            let (Some(subject), Some(rule)) = (subject, rule) else {
                continue;
            };
            if self.count(now, &subject, rule) {
                let secs = rule.within.as_secs();
                let reason = format!("more than {} connections in {secs} s", rule.connects);
                return Err(self.put(now, (subject, reason, true), rule.ban));
            }
        }
        Ok(())
    }

    /// Whether a client is kept out.
    ///
    /// # Errors
    /// The ban that keeps it out.
    pub fn banned(&mut self, now: Duration, who: &Who<'_>) -> Result<(), Ban> {
        self.expire(now);
        if self.bans.is_empty() {
            return Ok(());
        }
        for subject in subjects(who).into_iter().flatten() {
            if let Some(entry) = self.bans.get(&subject) {
                return Err(ban(now, subject, entry));
            }
        }
        Ok(())
    }

    /// Bans a subject by hand; a ban that is there is replaced. What is longer than 200 bytes of the
    /// reason is cut.
    pub fn ban(&mut self, now: Duration, subject: Subject, lasts: Duration, reason: &str) {
        self.expire(now);
        let end = reason.floor_char_boundary(REASON_BYTES);
        self.put(now, (subject, reason[..end].to_owned(), false), lasts);
    }

    /// Lifts a ban; whether there was one. What was counted is forgotten, too.
    pub fn lift(&mut self, subject: &Subject) -> bool {
        self.watched.remove(&self.hasher.hash_one(subject));
        let gone = self.bans.remove(subject);
        if let Some(entry) = &gone {
            self.ends.remove(&(entry.until, subject.clone()));
        }
        gone.is_some()
    }

    /// The bans in force, those that end first first.
    pub fn bans(&mut self, now: Duration) -> Vec<Ban> {
        self.expire(now);
        let entry = |(_, subject): &(Duration, Subject)| {
            Some(ban(now, subject.clone(), self.bans.get(subject)?))
        };
        self.ends.iter().filter_map(entry).collect()
    }

    /// How many subjects are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watched.len()
    }

    /// Whether this connection is one too many.
    fn count(&mut self, now: Duration, subject: &Subject, rule: FlapRule) -> bool {
        let new = Window {
            since: now,
            connects: 0,
        };
        let window = self.watched.get(self.hasher.hash_one(subject), || new);
        if now.saturating_sub(window.since) > rule.within {
            *window = new;
        }
        window.connects = window.connects.saturating_add(1);
        let is_too_many = window.connects > rule.connects;
        if is_too_many {
            *window = new;
        }
        is_too_many
    }

    fn put(
        &mut self,
        now: Duration,
        (subject, reason, automatic): (Subject, String, bool),
        lasts: Duration,
    ) -> Ban {
        self.lift(&subject);
        while self.bans.len() >= self.rules.bans.max(1)
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.bans.remove(&first);
        }
        let entry = Entry {
            until: now.saturating_add(lasts),
            reason,
            automatic,
        };
        let made = ban(now, subject.clone(), &entry);
        self.ends.insert((entry.until, subject.clone()));
        self.bans.insert(subject, entry);
        made
    }

    fn expire(&mut self, now: Duration) {
        while let Some((until, _)) = self.ends.first()
            && *until <= now
            && let Some((_, subject)) = self.ends.pop_first()
        {
            self.bans.remove(&subject);
        }
    }
}

fn ban(now: Duration, subject: Subject, entry: &Entry) -> Ban {
    Ban {
        subject,
        reason: entry.reason.clone(),
        automatic: entry.automatic,
        left: entry.until.saturating_sub(now),
    }
}

fn subjects(who: &Who<'_>) -> [Option<Subject>; 3] {
    [
        Some(Subject::Client(who.client.into())),
        who.user.map(|user| Subject::User(user.into())),
        Some(Subject::Source(source_of(who.source))),
    ]
}

#[cfg(test)]
#[path = "flapping_tests.rs"]
mod tests;
