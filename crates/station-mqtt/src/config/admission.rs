//! Who may connect, before anything is known of them.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_admission::{BanRule, Limits, Rate};
use spica_settings::Span;

/// Who may connect. A source is an IPv4 address or an IPv6 /64. Many clients stand behind one address
/// here, and all of them come back at once when their network does: so a source may do more than at
/// the Identicom station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "MqttAdmissionSettings")]
pub struct AdmissionSettings {
    /// Connections open at once, in all. The process needs a file descriptor for each.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: usize,
    /// Connections open at once from one source.
    #[schemars(range(min = 1))]
    pub connections_per_source: u32,
    /// Connections accepted per second, in all.
    #[schemars(range(min = 1))]
    pub accepts_per_second: u32,
    /// Connections accepted at once after a rest, in all.
    #[schemars(range(min = 1))]
    pub accepts_burst: u32,
    /// Connections accepted per second from one source.
    #[schemars(range(min = 1))]
    pub source_accepts_per_second: u32,
    /// Connections accepted at once after a rest from one source.
    #[schemars(range(min = 1))]
    pub source_accepts_burst: u32,
    /// Networks without a cap and a rate per source, and never banned automatically.
    #[schemars(with = "Vec<String>")]
    pub trusted: Vec<IpNet>,
    /// Sources remembered at once.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub sources: usize,
    /// Bans at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub bans: usize,
    /// So many offences (malformed packets, wrong passwords, silence, other protocols) ban a source,
    /// unless it brought at least as many clients that were let in.
    #[schemars(range(min = 1))]
    pub ban_offences: u32,
    /// They count when they lie within this time.
    pub ban_window: Span,
    /// How long an automatic ban lasts.
    pub ban_time: Span,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            connections: 20_000,
            connections_per_source: 15_000,
            accepts_per_second: limits.accepts.per_second,
            accepts_burst: limits.accepts.burst,
            source_accepts_per_second: 2_000,
            source_accepts_burst: 12_000,
            trusted: limits.trusted,
            sources: limits.sources,
            bans: limits.bans,
            ban_offences: 100,
            ban_window: Span::from_secs(limits.ban.within.as_secs()),
            ban_time: Span::from_secs(limits.ban.lasts.as_secs()),
        }
    }
}

impl AdmissionSettings {
    /// The same for [`spica_admission::Admission`].
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            connections_per_source: self.connections_per_source,
            accepts: Rate {
                per_second: self.accepts_per_second,
                burst: self.accepts_burst,
            },
            accepts_per_source: Rate {
                per_second: self.source_accepts_per_second,
                burst: self.source_accepts_burst,
            },
            trusted: self.trusted.clone(),
            sources: self.sources,
            bans: self.bans,
            ban: BanRule {
                offences: self.ban_offences,
                within: self.ban_window.into(),
                lasts: self.ban_time.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_admission::Admission;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Instant;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any time will do")]
    fn ten_thousand_clients_behind_one_address_come_back_at_once() {
        let mut admission = Admission::new(AdmissionSettings::default().limits());
        let now = Instant::now();
        let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        let slots: Vec<_> = (0..10_000)
            .map(|_| admission.admit(now, source).unwrap())
            .collect();
        assert_eq!(admission.status().open, slots.len());
        assert!(admission.bans(now).is_empty());
    }
}
