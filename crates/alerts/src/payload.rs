//! The JSON payloads of escalations, notices and attempts.
//!
//! | topic | payload |
//! |---|---|
//! | `alarms/escalations/<case>` | `{"plan":str,"since":time,"next_step":u32,"round":u32,"next_at":time}` |
//! | `alarms/notices/<case>/<n>` | `{"person":str\|null,"channel":str,"address":str,"reason":str,"severity":str,"step":u32,"state":str,"attempts":u32,"attempts_max":u32\|null,"created_at":time,"next_at":time,"give_up_at":time\|null,"settled_at":time\|null,"last_answer":str\|null,"fallbacks":[{"channel":str,"address":str}],"fallback_at":time\|null}` |
//! | `alarms/notices/<case>/<n>/attempts` | `{"attempt":u32,"at":time,"channel":str,"address":str,"outcome":"delivered"\|"retry"\|"refused","answer":str,"state":str}` |
//!
//! Times are RFC 3339 in UTC. Fields that a reader does not know are ignored, and fields that may be
//! missing have a default, so that a version reads what its successor and its predecessor wrote.

use serde::{Deserialize, Serialize};
use spica_cases::payload::{from_json, maybe_time, time, to_json};
use spica_cases::{PayloadError, Severity};
use spica_model::Timestamp;

use crate::escalation::Escalation;
use crate::{Destination, Notice, NoticeId, NoticeState, Outcome};

#[derive(Serialize, Deserialize)]
struct EscalationJson {
    plan: String,
    #[serde(with = "time")]
    since: Timestamp,
    next_step: u32,
    #[serde(default)]
    round: u32,
    #[serde(with = "time")]
    next_at: Timestamp,
}

impl Escalation {
    pub(crate) fn encode(&self) -> Vec<u8> {
        to_json(&EscalationJson {
            plan: self.plan.clone(),
            since: self.since,
            next_step: self.next_step,
            round: self.round,
            next_at: self.next_at,
        })
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let json: EscalationJson = from_json("escalation", payload)?;
        Ok(Self {
            plan: json.plan,
            since: json.since,
            next_step: json.next_step.max(1),
            round: json.round,
            next_at: json.next_at,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct DestinationJson {
    channel: String,
    #[serde(default)]
    address: String,
}

#[derive(Serialize, Deserialize)]
struct NoticeJson {
    #[serde(default)]
    person: Option<String>,
    channel: String,
    #[serde(default)]
    address: String,
    reason: String,
    severity: Severity,
    #[serde(default)]
    step: u32,
    state: String,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    attempts_max: Option<u32>,
    #[serde(with = "time")]
    created_at: Timestamp,
    #[serde(with = "time")]
    next_at: Timestamp,
    #[serde(default, with = "maybe_time")]
    give_up_at: Option<Timestamp>,
    #[serde(default, with = "maybe_time")]
    settled_at: Option<Timestamp>,
    #[serde(default)]
    last_answer: Option<String>,
    #[serde(default)]
    fallbacks: Vec<DestinationJson>,
    #[serde(default, with = "maybe_time")]
    fallback_at: Option<Timestamp>,
}

impl Notice {
    /// The notice as JSON. Its id is not in it: the topic says it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fallbacks = self.fallbacks.iter().map(|to| DestinationJson {
            channel: to.channel.clone(),
            address: to.address.clone(),
        });
        to_json(&NoticeJson {
            person: self.person.clone(),
            channel: self.channel.clone(),
            address: self.address.clone(),
            reason: self.reason.as_str().to_owned(),
            severity: self.severity,
            step: self.step,
            state: self.state.as_str().to_owned(),
            attempts: self.attempts,
            attempts_max: self.attempts_max,
            created_at: self.created_at,
            next_at: self.next_at,
            give_up_at: self.give_up_at,
            settled_at: self.settled_at,
            last_answer: self.last_answer.clone(),
            fallbacks: fallbacks.collect(),
            fallback_at: self.fallback_at,
        })
    }

    /// Reads the notice `id`, which its topic says.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(id: NoticeId, payload: &[u8]) -> Result<Self, PayloadError> {
        let json: NoticeJson = from_json("notice", payload)?;
        let wrong = |reason: String| PayloadError::new("notice", reason);
        let fallbacks = json.fallbacks.into_iter().map(|to| Destination {
            channel: to.channel,
            address: to.address,
        });
        Ok(Self {
            id,
            person: json.person,
            channel: json.channel,
            address: json.address,
            reason: json.reason.parse().map_err(wrong)?,
            severity: json.severity,
            step: json.step,
            state: json.state.parse().map_err(wrong)?,
            attempts: json.attempts,
            attempts_max: json.attempts_max,
            created_at: json.created_at,
            next_at: json.next_at,
            give_up_at: json.give_up_at,
            settled_at: json.settled_at,
            last_answer: json.last_answer,
            fallbacks: fallbacks.collect(),
            fallback_at: json.fallback_at,
        })
    }
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    attempt: u32,
    #[serde(with = "time")]
    at: Timestamp,
    channel: &'a str,
    address: &'a str,
    outcome: &'static str,
    answer: &'a str,
    state: &'static str,
}

/// The last attempt of a notice, which stands as the attempt left it.
pub(crate) fn attempt(notice: &Notice, outcome: &Outcome, at: Timestamp) -> Vec<u8> {
    to_json(&AttemptJson {
        attempt: notice.attempts,
        at,
        channel: &notice.channel,
        address: &notice.address,
        outcome: outcome.as_str(),
        answer: notice.last_answer.as_deref().unwrap_or_default(),
        state: notice.state.as_str(),
    })
}

impl NoticeState {
    /// Whether nothing more becomes of it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn notices_read_back() {
        let id: NoticeId = "3-17/2".parse().unwrap();
        for (state, reason) in NoticeState::ALL.iter().zip(Reason::ALL) {
            let notice = Notice {
                id,
                person: Some("anna".to_owned()),
                channel: "mail".to_owned(),
                address: "anna@example.org".to_owned(),
                reason: *reason,
                severity: Severity::High,
                step: 1,
                state: *state,
                attempts: 3,
                attempts_max: Some(10),
                created_at: Timestamp::from_secs(1),
                next_at: Timestamp::from_secs(2),
                give_up_at: None,
                settled_at: Some(Timestamp::from_secs(3)),
                last_answer: Some("250 OK".to_owned()),
                fallbacks: vec![Destination {
                    channel: "sms".to_owned(),
                    address: "+41791234567".to_owned(),
                }],
                fallback_at: Some(Timestamp::from_secs(4)),
            };
            assert_eq!(Notice::decode(id, &notice.encode()), Ok(notice));
        }
    }

    #[test]
    fn a_notice_of_another_version_is_read() {
        let json = br#"{"channel":"mail","reason":"raised","severity":"low","state":"waiting",
            "created_at":"2026-11-22T05:01:23Z","next_at":"2026-11-22T05:01:23Z","colour":"red"}"#;
        let notice = Notice::decode("1-1/1".parse().unwrap(), json).unwrap();
        assert_eq!((notice.attempts, notice.attempts_max), (0, None));
        let wrong = String::from_utf8_lossy(json).replace("waiting", "lost");
        let error = Notice::decode("1-1/1".parse().unwrap(), wrong.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("waiting, delivered"), "{error}");
    }

    #[test]
    fn an_escalation_reads_back() {
        let escalation = Escalation {
            plan: "night".to_owned(),
            since: Timestamp::from_secs(1),
            next_step: 2,
            round: 3,
            next_at: Timestamp::from_secs(4),
        };
        assert_eq!(Escalation::decode(&escalation.encode()), Ok(escalation));
        assert!(Escalation::decode(b"{}").is_err());
    }
}
