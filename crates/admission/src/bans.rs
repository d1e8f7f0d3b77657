//! Bans: nets that may not connect for a while.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::source::{canonical, net};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Who is banned.
    pub source: IpNet,
    /// Why, for the operator.
    pub reason: String,
    /// Whether it was made by the rule, not by hand.
    pub automatic: bool,
    /// How long it still lasts.
    pub left: Duration,
}

/// Why a ban by hand was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BanError {
    /// Every ban ends, and lasts for some time.
    #[error("a ban lasts between one second and {} days", LONGEST.as_secs() / 86_400)]
    Duration,
    /// The reason is too long to keep.
    #[error("a reason has at most {REASON_BYTES} bytes")]
    Reason,
    /// The table is full of bans by hand.
    #[error("there are {0} bans by hand already, the limit: lift one first")]
    Full(usize),
}

/// How long a ban by hand may last.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Longest reason.
const REASON_BYTES: usize = 200;

#[derive(Debug)]
struct Entry {
    reason: String,
    automatic: bool,
    until: Instant,
}

/// All bans in force.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    by_net: HashMap<IpNet, Entry>,
    ends: BTreeSet<(Instant, IpNet)>,
    /// How many bans there are per family and prefix length, so that a look-up tries no others.
    lengths: BTreeMap<(bool, u8), usize>,
}

impl Bans {
    pub(crate) fn len(&self) -> usize {
        self.by_net.len()
    }

    /// Whether an address is banned.
    pub(crate) fn covers(&mut self, now: Instant, ip: IpAddr) -> bool {
        self.expire(now);
        let ip = ip.to_canonical();
        self.lengths
            .keys()
            .filter(|(v4, _)| *v4 == ip.is_ipv4())
            .any(|(_, bits)| self.by_net.contains_key(&net(ip, *bits)))
    }

    /// Bans `source`. A ban that is there already is replaced. At the limit the automatic ban that
    /// ends first gives way; says how many did.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        source: IpNet,
        ban: (String, bool, Duration),
        limit: usize,
    ) -> Result<u64, BanError> {
        let (reason, automatic, lasts) = ban;
        if lasts < Duration::from_secs(1) || lasts > LONGEST {
            return Err(BanError::Duration);
        }
        if reason.len() > REASON_BYTES {
            return Err(BanError::Reason);
        }
        self.expire(now);
        let source = canonical(source);
        self.remove(source);
        let mut evicted = 0;
        while self.len() >= limit.max(1) {
            let first = self.ends.iter().find(|(_, net)| self.is_automatic(*net));
            let (_, net) = *first.ok_or(BanError::Full(self.len()))?;
            self.remove(net);
            evicted += 1;
        }
        let until = now + lasts;
        self.ends.insert((until, source));
        *self.lengths.entry(length(source)).or_default() += 1;
        let entry = Entry {
            reason,
            automatic,
            until,
        };
        self.by_net.insert(source, entry);
        Ok(evicted)
    }

    fn is_automatic(&self, source: IpNet) -> bool {
        self.by_net.get(&source).is_some_and(|ban| ban.automatic)
    }

    /// Lifts a ban; whether there was one.
    pub(crate) fn remove(&mut self, source: IpNet) -> bool {
        let source = canonical(source);
        let Some(entry) = self.by_net.remove(&source) else {
            return false;
        };
        self.ends.remove(&(entry.until, source));
        if let Some(count) = self.lengths.get_mut(&length(source)) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length(source));
            }
        }
        true
    }

    fn expire(&mut self, now: Instant) {
        while let Some((until, source)) = self.ends.first().copied()
            && until <= now
        {
            self.remove(source);
        }
    }

    /// The bans in force, in the order of their nets.
    pub(crate) fn list(&mut self, now: Instant) -> Vec<Ban> {
        self.expire(now);
        let mut bans: Vec<_> = self
            .by_net
            .iter()
            .map(|(source, entry)| Ban {
                source: *source,
                reason: entry.reason.clone(),
                automatic: entry.automatic,
                left: entry.until.duration_since(now),
            })
            .collect();
        bans.sort_unstable_by_key(|ban| ban.source);
        bans
    }
}

fn length(source: IpNet) -> (bool, u8) {
    (source.addr().is_ipv4(), source.prefix_len())
}
