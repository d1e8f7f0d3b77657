//! Rules as they are applied.

use spica_cases::Severity;
use spica_model::{Lane, Topic, TopicFilter};
use spica_settings::{FilePath, Secret, Span};

use crate::expression::Expression;
use crate::template::Template;

/// The first levels below a node that no rule writes: they have other writers.
pub const RESERVED_ROOTS: [&str; 7] = [
    "devices", "alarms", "cases", "handlers", "system", "audit", "mqtt",
];
/// What a wildcard at the beginning of a filter does not match: who wants it must name it.
const INTERNAL_ROOTS: [&str; 4] = ["handlers", "system", "audit", "mqtt"];

/// All rules of a file.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) max_hops: u8,
}

/// Where bodies are POSTed to.
#[derive(Debug, Clone)]
pub struct Sink {
    /// What rules call it: fit for the name of a handler.
    pub name: String,
    /// The address, of HTTP or HTTPS.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// The same from a file.
    pub token_file: Option<FilePath>,
    /// Signs the body, as webhooks are.
    pub secret: Option<Secret>,
    /// The same from a file.
    pub secret_file: Option<FilePath>,
    /// Whose certificates are believed; without it those that this machine believes.
    pub ca: Option<FilePath>,
    /// POSTs at once.
    pub in_flight: usize,
    /// How long an answer may take.
    pub timeout: Span,
}

/// Which of the things that rules want done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Records and cases.
    Journal,
    /// What goes to the sink of this number.
    Sink(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) topics: Vec<TopicFilter>,
    pub(crate) when: Option<Expression>,
    pub(crate) deletes: bool,
    pub(crate) then: Vec<Action>,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Republish(Republish),
    Case(Case),
    Post { sink: usize, body: Content },
}

#[derive(Debug, Clone)]
pub(crate) struct Republish {
    pub(crate) topic: Template,
    pub(crate) content: Content,
    pub(crate) retain: bool,
    pub(crate) lane: Option<Lane>,
}

/// A payload.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// That of the record.
    Same,
    /// The value of an expression, as JSON.
    Json(Expression),
    /// A text.
    Text(Template),
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) source: Template,
    pub(crate) condition: String,
    pub(crate) severity: Severity,
    pub(crate) text: Template,
    /// When it is over; without it, as soon as the rule's condition does not hold.
    pub(crate) clear: Option<Expression>,
}

impl RuleSet {
    /// Where bodies are POSTed to.
    #[must_use]
    pub fn sinks(&self) -> &[Sink] {
        &self.sinks
    }

    /// The names of the rules, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The conditions that rules raise.
    pub fn conditions(&self) -> impl Iterator<Item = &str> {
        let actions = self.rules.iter().flat_map(|rule| &rule.then);
        actions.filter_map(|action| match action {
            Action::Case(case) => Some(case.condition.as_str()),
            Action::Republish(_) | Action::Post { .. } => None,
        })
    }

    /// Whether a rule compares with what a topic said before.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.rules.iter().any(Rule::looks_back)
    }
}

impl Rule {
    /// Whether it is about a topic; `below` is the part of it below the node.
    pub(crate) fn is_about(&self, below: &Topic) -> bool {
        let first = below.levels().next().unwrap_or_default();
        let hidden = INTERNAL_ROOTS.contains(&first);
        self.topics.iter().any(|filter| {
            let named = !filter.as_str().starts_with(['+', '#']);
            (named || !hidden) && filter.matches(below)
        })
    }

    fn looks_back(&self) -> bool {
        let when = self.when.as_ref().is_some_and(|it| it.looks_back);
        when || self.then.iter().any(Action::looks_back)
    }

    /// Whether it wants to know of records that do not fulfil its condition.
    pub(crate) fn clears(&self) -> bool {
        self.then.iter().any(|it| matches!(it, Action::Case(_)))
    }
}

impl Action {
    fn looks_back(&self) -> bool {
        match self {
            Self::Republish(it) => it.topic.looks_back() || it.content.looks_back(),
            Self::Post { body, .. } => body.looks_back(),
            Self::Case(it) => {
                let clear = it.clear.as_ref().is_some_and(|it| it.looks_back);
                clear || it.source.looks_back() || it.text.looks_back()
            }
        }
    }
}

impl Content {
    fn looks_back(&self) -> bool {
        match self {
            Self::Same => false,
            Self::Json(it) => it.looks_back,
            Self::Text(it) => it.looks_back(),
        }
    }
}
