//! What rules make of a record.

use bytes::Bytes;
use rhai::Scope;
use spica_model::{Cause, ContentType, Key, Kind, Op, Properties, Property, Record, Topic, limits};

use crate::draft::{CaseCall, Draft, HOPS, Post};
use crate::facts;
use crate::rule::{Action, Case, Content, RESERVED_ROOTS, Republish, Rule, RuleSet, Want};
use crate::value::to_json;

/// Longest source of a case, in bytes.
const SOURCE_BYTES: usize = 512;
/// Longest text of a case, in bytes.
const CASE_TEXT_BYTES: usize = 500;

/// What the rules want done for a record.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Records to submit.
    pub drafts: Vec<Draft>,
    /// How conditions stand. That one does not hold is also said when nobody has said that it does.
    pub cases: Vec<CaseCall>,
    /// What is to be POSTed.
    pub posts: Vec<Post>,
    /// What each rule that is about the topic made of it.
    pub rules: Vec<RuleVerdict>,
}

/// What one rule made of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// Its number in the file, from 0.
    pub rule: usize,
    /// Whether its condition holds.
    pub matched: bool,
    /// Whether it was passed over since the record has come through too many rules.
    pub looped: bool,
    /// What it failed on.
    pub failure: Option<Failure>,
}

/// Why a rule could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule:?}, {place}: {reason}")]
pub struct Failure {
    /// Its name.
    pub rule: String,
    /// Which part of it, such as `when` or `then[1].republish.topic`.
    pub place: String,
    /// Why.
    pub reason: String,
}

impl Verdict {
    /// What rules failed on.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.rules.iter().filter_map(|rule| rule.failure.as_ref())
    }
}

/// A record as the rules see it.
struct Subject<'a> {
    record: &'a Record,
    node: &'a Topic,
    hops: u8,
    want: Want,
}

type Failed = (String, String);

impl RuleSet {
    /// What the rules of the node `node` want done for `record`, of which the topic said `previous`
    /// before. A rule that fails wants nothing done, and the others are applied all the same. Copies
    /// (restated records) say nothing new and are passed over.
    #[must_use]
    pub fn judge(
        &self,
        node: &Topic,
        record: &Record,
        previous: Option<&Bytes>,
        want: Want,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(below) = below(node, record) else {
            return verdict;
        };
        let mut about = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.is_about(&below) && rule.wants(record, want))
            .peekable();
        if about.peek().is_none() {
            return verdict;
        }
        let subject = Subject {
            record,
            node,
            hops: facts::hops(record),
            want,
        };
        let mut scope = facts::scope(record, &below, previous, subject.hops);
        for (number, rule) in about {
            let looped = subject.hops >= self.max_hops;
            let judged = if looped {
                Ok(false)
            } else {
                rule.apply(&subject, &mut scope, &mut verdict)
            };
            let failure = judged.as_ref().err().map(|(place, reason)| Failure {
                rule: rule.name.clone(),
                place: place.clone(),
                reason: reason.clone(),
            });
            verdict.rules.push(RuleVerdict {
                rule: number,
                matched: judged.unwrap_or(false),
                looped,
                failure,
            });
        }
        verdict
    }
}

/// The topic of a record below the node, if it says something new.
fn below(node: &Topic, record: &Record) -> Option<Topic> {
    let name = record.topic.below(node.as_str())?;
    if record.is_restated() {
        return None;
    }
    Topic::new(name).ok()
}

impl Rule {
    fn wants(&self, record: &Record, want: Want) -> bool {
        let of_interest = |action: &Action| action.is_for(want);
        (self.deletes || record.op != Op::Delete) && self.then.iter().any(of_interest)
    }

    fn apply(
        &self,
        subject: &Subject<'_>,
        scope: &mut Scope<'_>,
        verdict: &mut Verdict,
    ) -> Result<bool, Failed> {
        let holds = match &self.when {
            Some(when) => when
                .holds(scope)
                .map_err(|reason| ("when".to_owned(), reason))?,
            None => true,
        };
        if !holds && !self.clears() {
            return Ok(false);
        }
        let mut mine = Verdict::default();
        for (number, action) in self.then.iter().enumerate() {
            if !action.is_for(subject.want) {
                continue;
            }
            let key = format!("rule:{}/{number}/{}", self.name, subject.record.origin());
            action
                .take(holds, &key, subject, scope, &mut mine)
                .map_err(|(place, reason)| (format!("then[{number}].{place}"), reason))?;
        }
        verdict.drafts.append(&mut mine.drafts);
        verdict.cases.append(&mut mine.cases);
        verdict.posts.append(&mut mine.posts);
        Ok(holds)
    }
}

impl Action {
    fn is_for(&self, want: Want) -> bool {
        match self {
            Self::Republish(_) | Self::Case(_) => want == Want::Journal,
            Self::Post { sink, .. } => want == Want::Sink(*sink),
        }
    }

    fn take(
        &self,
        holds: bool,
        key: &str,
        subject: &Subject<'_>,
        scope: &mut Scope<'_>,
        mine: &mut Verdict,
    ) -> Result<(), Failed> {
        match self {
            Self::Case(case) => mine.cases.extend(case.call(holds, scope)?),
            Self::Republish(_) | Self::Post { .. } if !holds => {}
            Self::Republish(it) => mine.drafts.push(it.draft(key, subject, scope)?),
            Self::Post { body, .. } => {
                let (content_type, body) = body
                    .of(subject.record, scope)
                    .map_err(|reason| ("post.body".to_owned(), reason))?;
                mine.posts.push(Post {
                    key: format!("{}:{key}", subject.node),
                    body,
                    content_type: match content_type {
                        ContentType::Json => "application/json",
                        ContentType::Text => "text/plain; charset=utf-8",
                        _ => "application/octet-stream",
                    },
                });
            }
        }
        Ok(())
    }
}

impl Content {
    fn of(&self, record: &Record, scope: &mut Scope<'_>) -> Result<(ContentType, Bytes), String> {
        let (content_type, payload) = match self {
            Self::Same => return Ok((record.content_type.clone(), record.payload.clone())),
            Self::Json(value) => {
                let json = to_json(&value.value(scope)?)?;
                (ContentType::Json, json.to_string())
            }
            Self::Text(text) => (ContentType::Text, text.text(scope)?),
        };
        if payload.len() > limits::PAYLOAD_BYTES {
            return Err(format!(
                "it has {} bytes; {} are allowed",
                payload.len(),
                limits::PAYLOAD_BYTES
            ));
        }
        Ok((content_type, payload.into()))
    }
}

impl Republish {
    fn draft(
        &self,
        key: &str,
        subject: &Subject<'_>,
        scope: &mut Scope<'_>,
    ) -> Result<Draft, Failed> {
        let of_topic = |reason| ("republish.topic".to_owned(), reason);
        let of_payload = |reason| ("republish.payload".to_owned(), reason);
        let record = subject.record;
        let name = self.topic.text(scope).map_err(of_topic)?;
        let first = name.split('/').next().unwrap_or_default();
        if RESERVED_ROOTS.contains(&first) || name.starts_with('$') {
            return Err(of_topic(format!("{first} is written by the node itself")));
        }
        let topic = subject.node.join(&name);
        let topic = topic.map_err(|error| of_topic(format!("{name:?}: {error}")))?;
        let (content_type, payload) = self.content.of(record, scope).map_err(of_payload)?;
        let wrong = |error: spica_model::LimitError| ("republish".to_owned(), error.to_string());
        Ok(Draft {
            topic,
            lane: self.lane.unwrap_or(record.position.lane),
            kind: if self.retain {
                Kind::State
            } else {
                Kind::Event
            },
            quality: record.quality,
            source_time: record.source_time,
            content_type,
            payload,
            key: Key::new(key.to_owned()).map_err(wrong)?,
            cause: Cause::new(format!("record:{}", record.origin())).map_err(wrong)?,
            properties: properties(record, self, subject.hops).map_err(wrong)?,
        })
    }
}

/// The properties of a cause, with the hops counted and the flag of retention as the rule wants it.
fn properties(
    record: &Record,
    rule: &Republish,
    hops: u8,
) -> Result<Option<Properties>, spica_model::LimitError> {
    let hops = hops.saturating_add(1).to_string();
    let kept = facts::properties(record).filter_map(|property| match property {
        Property::User { name: HOPS, .. } => None,
        Property::Service { qos, .. } => Some(Property::Service {
            qos,
            retain: rule.retain,
        }),
        // What the payload was is not what it is now.
        Property::Text | Property::ContentType(_) if !matches!(rule.content, Content::Same) => None,
        other => Some(other),
    });
    Properties::new(kept.chain([Property::User {
        name: HOPS,
        value: &hops,
    }]))
}

impl Case {
    fn call(&self, holds: bool, scope: &mut Scope<'_>) -> Result<Option<CaseCall>, Failed> {
        let active = match (&self.clear, holds) {
            (_, true) => true,
            (None, false) => false,
            (Some(clear), false) => {
                let over = clear.holds(scope);
                if !over.map_err(|reason| ("case.clear".to_owned(), reason))? {
                    return Ok(None);
                }
                false
            }
        };
        let of_source = |reason| ("case.source".to_owned(), reason);
        let source = self.source.text(scope).map_err(of_source)?;
        if source.len() > SOURCE_BYTES {
            return Err(of_source(format!("it is longer than {SOURCE_BYTES} bytes")));
        }
        Topic::new(source.clone()).map_err(|error| of_source(error.to_string()))?;
        let mut text = String::new();
        if active {
            let of_text = |reason| ("case.text".to_owned(), reason);
            text = self.text.text(scope).map_err(of_text)?;
            text.truncate(text.floor_char_boundary(CASE_TEXT_BYTES));
        }
        Ok(Some(CaseCall {
            source,
            condition: self.condition.clone(),
            severity: self.severity,
            active,
            text,
        }))
    }
}

#[cfg(test)]
mod tests;
