//! What is remembered of each source.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use ipnet::IpNet;

use crate::BanRule;
use crate::bucket::Bucket;

/// What is remembered of one source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// Connections open now.
    pub(crate) open: u32,
    /// Its accept rate.
    pub(crate) accepts: Bucket,
    conduct: Conduct,
    /// When it was last heard of; its place in the order of forgetting.
    seen: Instant,
}

/// How a source has behaved in the current window.
#[derive(Debug, Clone, Copy)]
struct Conduct {
    since: Instant,
    offences: u32,
    good: u32,
}

impl Source {
    fn new(now: Instant) -> Self {
        Self {
            open: 0,
            accepts: Bucket::default(),
            conduct: Conduct::new(now),
            seen: now,
        }
    }

    /// Notes a good dialogue.
    pub(crate) fn good(&mut self, now: Instant, rule: BanRule) {
        let conduct = self.conduct.in_window(now, rule);
        conduct.good = conduct.good.saturating_add(1);
    }

    /// Notes an offence; whether it is the one that bans.
    pub(crate) fn offence(&mut self, now: Instant, rule: BanRule) -> bool {
        let conduct = self.conduct.in_window(now, rule);
        conduct.offences = conduct.offences.saturating_add(1);
        let banned = conduct.offences >= rule.offences.max(1) && conduct.offences > conduct.good;
        if banned {
            self.conduct = Conduct::new(now);
        }
        banned
    }
}

impl Conduct {
    const fn new(since: Instant) -> Self {
        Self {
            since,
            offences: 0,
            good: 0,
        }
    }

    fn in_window(&mut self, now: Instant, rule: BanRule) -> &mut Self {
        if now.duration_since(self.since) > rule.within {
            *self = Self::new(now);
        }
        self
    }
}

/// All sources that are remembered. Those without an open connection are forgotten, the one that
/// was not heard of for longest first, when there are too many.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    known: HashMap<IpNet, Source>,
    idle: BTreeSet<(Instant, IpNet)>,
}

impl Sources {
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// What is remembered of a source, if anything.
    pub(crate) fn get(&self, net: IpNet) -> Option<&Source> {
        self.known.get(&net)
    }

    /// Changes what is remembered of a source and returns what `change` returns.
    pub(crate) fn update<T>(
        &mut self,
        now: Instant,
        net: IpNet,
        change: impl FnOnce(&mut Source) -> T,
    ) -> T {
        let source = self.known.entry(net).or_insert_with(|| Source::new(now));
        if source.open == 0 {
            self.idle.remove(&(source.seen, net));
        }
        source.seen = now;
        let result = change(source);
        if source.open == 0 {
            self.idle.insert((now, net));
        }
        result
    }

    /// Forgets idle sources until there are at most `limit`; how many it forgot.
    pub(crate) fn trim(&mut self, limit: usize) -> u64 {
        let mut forgotten = 0;
        while self.known.len() > limit
            && let Some((_, net)) = self.idle.pop_first()
        {
            self.known.remove(&net);
            forgotten += 1;
        }
        forgotten
    }
}
