//! How much a client, a user and a source may do.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{Equivalent, HashMap};
use ipnet::IpNet;
use spica_admission::source_of;

use crate::meter::{Meter, Rate, Wait};
use crate::who::Who;

/// What one client, one user or one source may do. What is not set has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeRules {
    /// Connections open at once. (A client has one anyway.)
    pub connections: Option<u32>,
    /// Connections made.
    pub connects: Option<Rate>,
    /// Messages published.
    pub messages: Option<Rate>,
    /// Bytes of packets received.
    pub bytes: Option<Rate>,
}

/// What each of all may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaRules {
    /// Each client identifier.
    pub client: ScopeRules,
    /// Each user name.
    pub user: ScopeRules,
    /// Each source: an IPv4 address or an IPv6 /64.
    pub source: ScopeRules,
    /// How many of each kind without a connection are remembered, about.
    pub remembered: usize,
}

impl Default for QuotaRules {
    fn default() -> Self {
        Self {
            client: ScopeRules::default(),
            user: ScopeRules::default(),
            source: ScopeRules::default(),
            remembered: 100_000,
        }
    }
}

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuotaRefusal {
    /// There are too many at once.
    #[error("this {0} has as many connections as it may have")]
    Connections(&'static str),
    /// They come too fast.
    #[error("this {0} connects too often; it may again in {wait:?}", wait = .1.0)]
    Connects(&'static str, Wait),
    /// It has spent what it may, and has to wait.
    #[error("this {0} has sent more than it may; it may again in {wait:?}", wait = .1.0)]
    Spent(&'static str, Wait),
}

impl ScopeRules {
    const fn is_free(&self) -> bool {
        self.connections.is_none()
            && self.connects.is_none()
            && self.messages.is_none()
            && self.bytes.is_none()
    }
}

/// What one client, user or source has used.
#[derive(Debug, Default)]
struct Account {
    connects: Meter,
    messages: Meter,
    bytes: Meter,
}

impl Account {
    fn is_full(&self, now: Duration) -> bool {
        let all = [&self.connects, &self.messages, &self.bytes];
        all.iter().all(|meter| meter.is_full(now))
    }
}

/// The accounts of one kind. Those that are in use by a connection stay; of the others, what has used
/// nothing lately is as good as forgotten, and is.
#[derive(Debug)]
struct Accounts<K> {
    all: HashMap<K, Arc<Account>>,
    /// At this size it is swept. Twice what was left, so that sweeping costs little per account.
    sweep_at: usize,
}

impl<K: Hash + Eq> Accounts<K> {
    fn new() -> Self {
        Self {
            all: HashMap::new(),
            sweep_at: 0,
        }
    }

    /// The account of a key. Forgets others first if there are too many.
    fn get<Q>(
        &mut self,
        now: Duration,
        key: &Q,
        own: impl FnOnce() -> K,
        most: usize,
    ) -> Arc<Account>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        if let Some(known) = self.all.get(key) {
            return Arc::clone(known);
        }
        if self.all.len() >= self.sweep_at.max(most) {
            let is_open = |account: &Arc<Account>| Arc::strong_count(account) > 1;
            self.all.retain(|_, it| is_open(it) || !it.is_full(now));
            if self.all.len() >= most {
                // Too many that have used something: they begin anew.
                self.all.retain(|_, it| is_open(it));
            }
            self.sweep_at = self.all.len() * 2;
        }
        let account = Arc::new(Account::default());
        self.all.insert(own(), Arc::clone(&account));
        account
    }
}

/// All accounts.
#[derive(Debug)]
pub struct Quotas {
    rules: Arc<QuotaRules>,
    clients: Accounts<Box<str>>,
    users: Accounts<Box<str>>,
    sources: Accounts<IpNet>,
}

/// What a connection is counted on. Keep it as long as the connection is open.
#[derive(Debug)]
pub struct Meters {
    rules: Arc<QuotaRules>,
    accounts: [Option<Arc<Account>>; 3],
}

const SCOPES: [&str; 3] = ["client", "user", "source"];

impl QuotaRules {
    const fn scopes(&self) -> [&ScopeRules; 3] {
        [&self.client, &self.user, &self.source]
    }
}

impl Quotas {
    /// Accounts in which nothing was used.
    #[must_use]
    pub fn new(rules: QuotaRules) -> Self {
        Self {
            rules: Arc::new(rules),
            clients: Accounts::new(),
            users: Accounts::new(),
            sources: Accounts::new(),
        }
    }

    /// Takes other rules. Connections that are open keep theirs.
    pub fn set_rules(&mut self, rules: QuotaRules) {
        self.rules = Arc::new(rules);
    }

    /// How many accounts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.all.len() + self.users.all.len() + self.sources.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts a new connection of a client that has proven who it is. `now` is the time since the
    /// start of the process.
    ///
    /// # Errors
    /// Why it is refused; it has not been counted then.
    pub fn open(&mut self, now: Duration, who: &Who<'_>) -> Result<Meters, QuotaRefusal> {
        let rules = Arc::clone(&self.rules);
        let most = rules.remembered;
        let accounts = [
            (!rules.client.is_free()).then(|| {
                let own = || who.client.into();
                self.clients.get(now, who.client, own, most)
            }),
            who.user.filter(|_| !rules.user.is_free()).map(|user| {
                let own = || user.into();
                self.users.get(now, user, own, most)
            }),
            (!rules.source.is_free()).then(|| {
                let source = source_of(who.source);
                self.sources.get(now, &source, || source, most)
            }),
        ];
        let meters = Meters { rules, accounts };
        for (scope, rules, account) in meters.scopes() {
            admit(now, (scope, rules), account)?;
        }
        for (_, rules, account) in meters.scopes() {
            if let Some(rate) = &rules.connects {
                // It was there a moment ago: nothing to wait for.
                let _ = account.connects.spend(now, rate, 1);
            }
        }
        Ok(meters)
    }
}

fn admit(
    now: Duration,
    (scope, rules): (&'static str, &ScopeRules),
    account: &Arc<Account>,
) -> Result<(), QuotaRefusal> {
    // The table holds one, and the connection that asks another one.
    let others = Arc::strong_count(account).saturating_sub(2);
    if rules
        .connections
        .is_some_and(|most| others >= most as usize)
    {
        return Err(QuotaRefusal::Connections(scope));
    }
    let check = |meter: &Meter, rate: &Option<Rate>| match rate {
        Some(rate) => meter.check(now, rate),
        None => Ok(()),
    };
    check(&account.connects, &rules.connects).map_err(|it| QuotaRefusal::Connects(scope, it))?;
    check(&account.messages, &rules.messages).map_err(|it| QuotaRefusal::Spent(scope, it))?;
    check(&account.bytes, &rules.bytes).map_err(|it| QuotaRefusal::Spent(scope, it))
}

impl Meters {
    /// Whether there is no limit, and so nothing to count.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.accounts.iter().all(Option::is_none)
    }

    /// Counts what has been read at once: publishes, and bytes of all packets.
    ///
    /// # Errors
    /// Whose limit is reached, and how long nothing more should be read. What was read is counted, and
    /// may be used: the rate holds by waiting, not by loss.
    pub fn spend(
        &self,
        now: Duration,
        messages: u64,
        bytes: u64,
    ) -> Result<(), (&'static str, Wait)> {
        let mut longest: Option<(&'static str, Wait)> = None;
        for (scope, rules, account) in self.scopes() {
            let of = [
                (&rules.messages, &account.messages, messages),
                (&rules.bytes, &account.bytes, bytes),
            ];
            for (rate, meter, amount) in of {
                if let Some(rate) = rate
                    && amount > 0
                    && let Err(wait) = meter.spend(now, rate, amount)
                    && longest.is_none_or(|(_, other)| wait > other)
                {
                    longest = Some((scope, wait));
                }
            }
        }
        longest.map_or(Ok(()), Err)
    }

    fn scopes(&self) -> impl Iterator<Item = (&'static str, &ScopeRules, &Arc<Account>)> {
        let all = SCOPES.iter().zip(self.rules.scopes()).zip(&self.accounts);
        all.filter_map(|((scope, rules), account)| Some((*scope, rules, account.as_ref()?)))
    }
}

#[cfg(test)]
#[path = "quotas_tests.rs"]
mod tests;
