//! Notices that try a channel, a person or a rota.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use spica_cases::{Case, CaseId, Draft, Severity};
use spica_model::Timestamp;

use super::{Alerts, steps::recipients};
use crate::plans::{Place, Target};
use crate::{Destination, Notice, NoticeId, NoticeState, Reason};

/// Most tests that are kept; the oldest goes for a new one.
const TESTS: usize = 100;
/// How often a test is tried.
const ATTEMPTS: u32 = 3;

/// Who gets a test: `person:anna`, `rota:duty`, `channel:soc` or `channel:sms:+41791234567`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestTarget {
    /// A person, on every address they have.
    Person(String),
    /// Everybody who is on duty now, on every address they have.
    Rota(String),
    /// A channel, with an address if its kind needs one.
    Channel(Destination),
}

/// Why nobody gets a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestError {
    /// Not one of the forms.
    #[error(
        "{0:?} is nobody to test; allowed are person:<name>, rota:<name>, channel:<name> and \
         channel:<name>:<address>"
    )]
    Form(String),
    /// No such name in the plan file.
    #[error("there is no {what} {name:?} in the plan file; there are: {known}")]
    Unknown {
        /// `person`, `rota` or `channel`.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// An address that the channel cannot use.
    #[error("channel {channel:?} cannot use the address {address:?}; it wants {allowed}")]
    Address {
        /// The channel.
        channel: String,
        /// The address.
        address: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl FromStr for TestTarget {
    type Err = TestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || TestError::Form(text.chars().take(100).collect());
        let (what, name) = text.split_once(':').ok_or_else(form)?;
        match what {
            _ if name.is_empty() => Err(form()),
            "person" => Ok(Self::Person(name.to_owned())),
            "rota" => Ok(Self::Rota(name.to_owned())),
            "channel" => {
                let (channel, address) = name.split_once(':').unwrap_or((name, ""));
                Ok(Self::Channel(Destination {
                    channel: channel.to_owned(),
                    address: address.to_owned(),
                }))
            }
            _ => Err(form()),
        }
    }
}

impl fmt::Display for TestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Rota(name) => write!(f, "rota:{name}"),
            Self::Channel(to) if to.address.is_empty() => write!(f, "channel:{}", to.channel),
            Self::Channel(to) => write!(f, "channel:{}:{}", to.channel, to.address),
        }
    }
}

impl Alerts {
    /// Makes a notice with reason [`Reason::Test`] for every address of the target, without regard
    /// to quiet hours and without fallbacks. They are about a case of epoch 0 that exists nowhere.
    ///
    /// # Errors
    /// If the plan file does not know the target, or the channel cannot use the address.
    pub fn test(
        &mut self,
        target: &TestTarget,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) -> Result<Vec<NoticeId>, TestError> {
        let recipients = self.tested(target, now)?;
        let tests = self.tracks.range(
            ..CaseId {
                epoch: 1,
                number: 0,
            },
        );
        let tests: Vec<CaseId> = tests.map(|(id, _)| *id).collect();
        if let Some(oldest) = tests.first().filter(|_| tests.len() >= TESTS) {
            self.forget(*oldest, out);
        }
        let case = CaseId {
            epoch: 0,
            number: tests.last().map_or(1, |last| last.number.saturating_add(1)),
        };
        let places = recipients.into_iter().flat_map(|(person, to)| {
            let places = to.into_iter();
            places.map(move |to| (person.clone(), to))
        });
        let mut ids = Vec::new();
        for (person, to) in places {
            let id = self.next_id(case);
            self.counts.made += 1;
            self.set_notice(notice(id, person, to, now), out);
            ids.push(id);
        }
        Ok(ids)
    }

    fn tested(
        &self,
        target: &TestTarget,
        now: Timestamp,
    ) -> Result<Vec<super::steps::Recipient>, TestError> {
        let plans = Arc::clone(&self.plans);
        let unknown = |what, name: &str, known: Vec<&String>| TestError::Unknown {
            what,
            name: name.to_owned(),
            known: known
                .into_iter()
                .take(50)
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
        };
        let channels = Vec::new();
        let target = match target {
            TestTarget::Person(name) => {
                if !plans.people.contains_key(name) {
                    return Err(unknown("person", name, plans.people.keys().collect()));
                }
                let name = name.clone();
                Target::Person { name, channels }
            }
            TestTarget::Rota(name) => {
                if !plans.rotas.contains_key(name) {
                    return Err(unknown("rota", name, plans.rotas.keys().collect()));
                }
                Target::Rota {
                    name: name.clone(),
                    place: Place::All,
                    channels,
                }
            }
            TestTarget::Channel(to) => {
                let Some(channel) = plans.channels.get(&to.channel) else {
                    return Err(unknown(
                        "channel",
                        &to.channel,
                        plans.channels.keys().collect(),
                    ));
                };
                channel
                    .kind
                    .address
                    .check_or_empty(&to.address)
                    .map_err(|allowed| TestError::Address {
                        channel: to.channel.clone(),
                        address: to.address.clone(),
                        allowed,
                    })?;
                Target::Receiver(to.clone())
            }
        };
        Ok(recipients(&plans, &target, now))
    }
}

fn notice(id: NoticeId, person: Option<String>, to: Destination, now: Timestamp) -> Notice {
    Notice {
        id,
        person,
        channel: to.channel,
        address: to.address,
        reason: Reason::Test,
        severity: Severity::Low,
        step: 0,
        state: NoticeState::Waiting,
        attempts: 0,
        attempts_max: Some(ATTEMPTS),
        created_at: now,
        next_at: now,
        give_up_at: None,
        settled_at: None,
        last_answer: None,
        fallbacks: Vec::new(),
        fallback_at: None,
    }
}

/// The case that a test is about.
pub(super) fn case(notice: &Notice) -> Case {
    let at = notice.created_at;
    Case {
        id: notice.id.case,
        source: "system/alerts".to_owned(),
        condition: "test".to_owned(),
        severity: notice.severity,
        text: "Test".to_owned(),
        name: None,
        customer: None,
        raised_at: at,
        received_at: at,
        happened_at: None,
        cause: "test".to_owned(),
        active: false,
        cleared_at: None,
        acknowledged: None,
        confirmed: None,
        closed: None,
        repeats: 0,
        last_raised_at: at,
        owner: None,
        quiet: false,
        detail: Value::Null,
    }
}
