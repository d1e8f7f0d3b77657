//! What a channel sends.

use std::sync::Arc;

use serde_json::Value;
use spica_cases::Case;
use spica_model::Timestamp;

use crate::template::Field;
use crate::texts::Texts;
use crate::zone::Zone;
use crate::{Form, Language, Notice, NoticeId, Plans, Reason};

/// Longest subject, in characters.
const SUBJECT_CHARS: usize = 200;
/// Longest short body, in characters: what fits into seven parts of an SMS in UCS-2.
const SHORT_CHARS: usize = 469;
/// Longest body, in characters.
const BODY_CHARS: usize = 8_000;

/// One message, complete: a channel knows neither plans nor how cases are folded.
#[derive(Debug, Clone)]
pub struct Message {
    /// `<node>:3-17/2`: the same on every attempt, so that a receiver can tell a repetition.
    pub key: String,
    /// Which notice it is.
    pub notice: NoticeId,
    /// What it is about, as it is now. A test has a case of epoch 0 with condition `test`.
    pub case: Arc<Case>,
    /// Why it is sent.
    pub reason: Reason,
    /// The node that sends it.
    pub node: String,
    /// The person's name for people, if it is sent to a person.
    pub person: Option<String>,
    /// Whom it is sent to, in the form that the channel's kind wants; empty if the channel has only
    /// one receiver.
    pub address: String,
    /// One line, at most 200 characters, without control characters.
    pub subject: String,
    /// The text: for channels of kinds with [`Form::Short`] at most 469 characters, else at most
    /// 8,000. Lines are separated by `\n`.
    pub body: String,
    /// What `subject` and `body` are written in.
    pub language: Language,
    /// The signed link to the case, if there is one.
    pub link: Option<String>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
}

impl Message {
    /// The message of `notice`, written at `at` with that link.
    pub(crate) fn new(
        node: &str,
        notice: &Notice,
        case: Arc<Case>,
        plans: &Plans,
        (at, link): (Timestamp, Option<String>),
    ) -> Self {
        let person = notice
            .person
            .as_ref()
            .and_then(|name| plans.people.get(name));
        let language = person.map_or(plans.language, |person| person.language);
        let zone = person.map_or(&plans.zone, |person| &person.zone);
        let texts = plans.texts(language);
        let kind = plans
            .channels
            .get(&notice.channel)
            .map(|channel| channel.kind);
        let (template, limit) = match kind.map(|kind| kind.form) {
            Some(Form::Short) => (&texts.sms, SHORT_CHARS),
            Some(Form::Full) | None => (&texts.body, BODY_CHARS),
        };
        let mut message = Self {
            key: format!("{node}:{}", notice.id),
            notice: notice.id,
            case,
            reason: notice.reason,
            node: node.to_owned(),
            person: person.map(|person| person.name.clone()),
            address: notice.address.clone(),
            subject: String::new(),
            body: String::new(),
            language,
            link,
            attempt: notice.attempts.saturating_add(1),
            at,
        };
        let value = |field| message.value(field, notice, texts, zone);
        let subject = texts.subject.render(value).replace('\n', " ");
        let body = template.render(value);
        message.subject = shortened(subject, SUBJECT_CHARS);
        message.body = shortened(body, limit);
        message
    }

    fn value(&self, field: Field, notice: &Notice, texts: &Texts, zone: &Zone) -> String {
        let case = &self.case;
        let time = |at: Option<Timestamp>| at.map(|at| zone.show(at)).unwrap_or_default();
        let count = |n: u32| if n == 0 { String::new() } else { n.to_string() };
        let closed = case.closed.as_ref();
        match field {
            Field::Attempt => self.attempt.to_string(),
            Field::At => time(Some(self.at)),
            Field::Battery => battery(&case.detail),
            Field::Case => case.id.to_string(),
            Field::ClearedAt => time(case.cleared_at.filter(|_| !case.active)),
            Field::ClosedBy => closed.map(|closed| closed.by.clone()).unwrap_or_default(),
            Field::ClosedWhy => closed
                .and_then(|closed| closed.why.clone())
                .unwrap_or_default(),
            Field::Condition => case.condition.clone(),
            Field::Customer => case.customer.clone().unwrap_or_default(),
            Field::HappenedAt => time(case.happened_at),
            Field::Link => self.link.clone().unwrap_or_default(),
            Field::Location => location(&case.detail, ", "),
            Field::Map => match location(&case.detail, ",") {
                place if place.is_empty() => place,
                place => format!("https://maps.google.com/?q={place}"),
            },
            Field::Name => case.name.clone().unwrap_or_else(|| case.source.clone()),
            Field::Node => self.node.clone(),
            Field::Notice => notice.id.to_string(),
            Field::Person => self.person.clone().unwrap_or_default(),
            Field::RaisedAt => time(Some(case.raised_at)),
            Field::Reason => texts.reason(self.reason).to_owned(),
            Field::Repeats => count(case.repeats),
            Field::Severity => texts.severity(case.severity).to_owned(),
            Field::Source => case.source.clone(),
            Field::Step => count(notice.step),
            Field::Text => texts.text(case).to_owned(),
            Field::What => case.state().as_str().to_owned(),
        }
    }
}

/// `47.3571626, 8.5` from `{"location":{"latitude":47.3571626,"longitude":8.5}}`; else nothing.
fn location(detail: &Value, separator: &str) -> String {
    let number = |name: &str| detail.get("location")?.get(name)?.as_f64();
    let pair = number("latitude").zip(number("longitude"));
    pair.map_or_else(String::new, |(lat, lon)| format!("{lat}{separator}{lon}"))
}

fn battery(detail: &Value) -> String {
    let percent = detail.get("battery_percent").and_then(Value::as_i64);
    percent.map_or_else(String::new, |percent| format!("{percent} %"))
}

/// At most `limit` characters; the last one says that there were more.
fn shortened(text: String, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text,
        Some(_) => text.chars().take(limit - 1).chain(['…']).collect(),
    }
}
