//! The decision, and the books it rests on.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::bans::Bans;
use crate::bucket::Bucket;
use crate::source::source_of;
use crate::sources::Sources;
use crate::{Ban, BanError, Limits, Offence, Refusal, Status};

/// Decides who may connect.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    accepts: Bucket,
    sources: Sources,
    bans: Bans,
    status: Status,
}

/// An admitted connection. Give it back with [`Admission::release`] when the connection ends.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a slot that is not given back is lost"]
pub struct Slot {
    /// Where its source is counted; nowhere for trusted sources and for balancers.
    counted: Option<IpNet>,
}

impl Admission {
    /// An admission without a memory.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            accepts: Bucket::default(),
            sources: Sources::default(),
            bans: Bans::default(),
            status: Status::default(),
        }
    }

    /// Decides about a new connection from `ip`.
    ///
    /// # Errors
    /// Why it is refused. It has cost nobody a token or a slot then.
    pub fn admit(&mut self, now: Instant, ip: IpAddr) -> Result<Slot, Refusal> {
        let decided = self
            .check_source(now, ip)
            .and_then(|()| self.check_all(now));
        self.count(decided)?;
        self.take_one(now);
        Ok(self.take_source(now, ip))
    }

    /// Decides about a new connection from a balancer, whose client is not known yet: see
    /// [`Admission::name`].
    ///
    /// # Errors
    /// Why it is refused: only the limits in all count here.
    pub fn admit_balancer(&mut self, now: Instant) -> Result<Slot, Refusal> {
        let decided = self.check_all(now);
        self.count(decided)?;
        self.take_one(now);
        Ok(Slot { counted: None })
    }

    /// Decides about the client for whom a balancer's connection speaks.
    ///
    /// # Errors
    /// Why the client is refused; the slot is given back then.
    pub fn name(&mut self, now: Instant, slot: Slot, ip: IpAddr) -> Result<Slot, Refusal> {
        let decided = self.check_source(now, ip);
        if let Err(refusal) = self.count(decided) {
            self.release(now, slot);
            return Err(refusal);
        }
        Ok(self.take_source(now, ip))
    }

    /// Takes back the slot of a connection that has ended.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a slot is given back once: taking it is the point"
    )]
    pub fn release(&mut self, now: Instant, slot: Slot) {
        self.status.open = self.status.open.saturating_sub(1);
        if let Some(net) = slot.counted {
            self.sources.update(now, net, |source| {
                source.open = source.open.saturating_sub(1);
            });
            self.trim();
        }
    }

    /// Notes that a device behind `ip` has named itself and was accepted.
    pub fn good(&mut self, now: Instant, ip: IpAddr) {
        if !self.is_trusted(ip) {
            let rule = self.limits.ban;
            self.sources
                .update(now, source_of(ip), |source| source.good(now, rule));
            self.trim();
        }
    }

    /// Notes an offence; whether the source is banned for it. The connections it has go on.
    pub fn offence(&mut self, now: Instant, ip: IpAddr, kind: Offence) -> bool {
        self.status.offences[kind as usize] += 1;
        if self.is_trusted(ip) {
            return false;
        }
        let (net, rule) = (source_of(ip), self.limits.ban);
        let banned = self
            .sources
            .update(now, net, |source| source.offence(now, rule));
        self.trim();
        banned && self.ban_automatically(now, net, kind)
    }

    fn ban_automatically(&mut self, now: Instant, net: IpNet, last: Offence) -> bool {
        let rule = self.limits.ban;
        let reason = format!(
            "{} offences, the last: {}",
            rule.offences.max(1),
            last.as_str()
        );
        let lasts = rule.lasts.max(Duration::from_secs(1));
        let outcome = self
            .bans
            .insert(now, net, (reason, true, lasts), self.limits.bans);
        self.status.bans_evicted += *outcome.as_ref().unwrap_or(&1);
        self.status.banned += u64::from(outcome.is_ok());
        outcome.is_ok()
    }

    /// Bans `source` by hand. A ban of the same net is replaced.
    ///
    /// # Errors
    /// If `lasts` is under a second or over 366 days, the reason has over 200 bytes, or the table is
    /// full of bans by hand.
    pub fn ban(
        &mut self,
        now: Instant,
        source: IpNet,
        lasts: Duration,
        reason: impl Into<String>,
    ) -> Result<(), BanError> {
        let ban = (reason.into(), false, lasts);
        let evicted = self.bans.insert(now, source, ban, self.limits.bans)?;
        self.status.bans_evicted += evicted;
        Ok(())
    }

    /// Lifts the ban of exactly this net; whether there was one.
    pub fn unban(&mut self, source: IpNet) -> bool {
        self.bans.remove(source)
    }

    /// The bans in force, in the order of their nets.
    pub fn bans(&mut self, now: Instant) -> Vec<Ban> {
        self.bans.list(now)
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            sources: self.sources.len(),
            bans: self.bans.len(),
            ..self.status
        }
    }

    fn is_trusted(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.limits.trusted.iter().any(|net| net.contains(&ip))
    }

    fn check_source(&mut self, now: Instant, ip: IpAddr) -> Result<(), Refusal> {
        if self.bans.covers(now, ip) {
            return Err(Refusal::Banned);
        }
        if self.is_trusted(ip) {
            return Ok(());
        }
        let Some(source) = self.sources.get(source_of(ip)) else {
            return Ok(());
        };
        if source.open >= self.limits.connections_per_source {
            return Err(Refusal::SourceFull);
        }
        if !source.accepts.has(now, self.limits.accepts_per_source) {
            return Err(Refusal::SourceRate);
        }
        Ok(())
    }

    fn check_all(&self, now: Instant) -> Result<(), Refusal> {
        if self.status.open >= self.limits.connections {
            return Err(Refusal::Full);
        }
        if !self.accepts.has(now, self.limits.accepts) {
            return Err(Refusal::Rate);
        }
        Ok(())
    }

    fn count(&mut self, decided: Result<(), Refusal>) -> Result<(), Refusal> {
        if let Err(refusal) = decided {
            self.status.refused[refusal as usize] += 1;
        }
        decided
    }

    fn take_one(&mut self, now: Instant) {
        self.accepts.take(now, self.limits.accepts);
        self.status.open += 1;
        self.status.admitted += 1;
    }

    fn take_source(&mut self, now: Instant, ip: IpAddr) -> Slot {
        if self.is_trusted(ip) {
            return Slot { counted: None };
        }
        let (net, rate) = (source_of(ip), self.limits.accepts_per_source);
        self.sources.update(now, net, |source| {
            source.open += 1;
            source.accepts.take(now, rate);
        });
        self.trim();
        Slot { counted: Some(net) }
    }

    fn trim(&mut self) {
        self.status.sources_evicted += self.sources.trim(self.limits.sources);
    }
}
