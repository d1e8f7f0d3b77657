//! Cases and orders as JSON.

use serde::{Deserialize, Serialize};
use spica_cases::{Case, CaseVerb, Signature};
use utoipa::ToSchema;

use crate::extract::{FromBody, json};
use crate::problem::Problem;
use crate::record_json::time;
use crate::schemas::{CaseIdText, CaseStateText, SeverityText, TimeText, VerbText};

/// Who did something, when and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Signature)]
pub(crate) struct SignatureBody {
    /// `operator:<token>`, `person:<name>`, or what of the node did it.
    by: String,
    /// When.
    #[schema(value_type = TimeText)]
    at: String,
    /// Why, if that was said.
    why: Option<String>,
}

impl From<&Signature> for SignatureBody {
    fn from(signature: &Signature) -> Self {
        Self {
            by: signature.by.clone(),
            at: signature.at.to_string(),
            why: signature.why.clone(),
        }
    }
}

/// An alarm with a life.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Case)]
pub(crate) struct CaseBody {
    /// Its id: the epoch in which it was raised, and its number in that.
    #[schema(value_type = CaseIdText)]
    id: String,
    /// What it is about: a topic below the node, such as `devices/0012345`.
    source: String,
    /// What is the matter, such as `man-down`.
    condition: String,
    /// How bad it is.
    #[schema(value_type = SeverityText)]
    severity: &'static str,
    /// Where it stands, after ISA-18.2.
    #[schema(value_type = CaseStateText)]
    state: &'static str,
    /// One line for people.
    text: String,
    /// The device's name.
    name: Option<String>,
    /// Whose device it is.
    customer: Option<String>,
    /// Whether it holds.
    active: bool,
    /// Whether nobody is alerted: it was raised on a shelf, suppressed or out of service.
    quiet: bool,
    /// When this node raised it.
    #[schema(value_type = TimeText)]
    raised_at: String,
    /// When what raised it was received.
    #[schema(value_type = TimeText)]
    received_at: String,
    /// When it happened, says the source.
    #[schema(value_type = Option<TimeText>)]
    happened_at: Option<String>,
    /// When it was last raised, if again.
    #[schema(value_type = TimeText)]
    last_raised_at: String,
    /// How often it was raised again while it was open.
    repeats: u32,
    /// When it ceased to hold.
    #[schema(value_type = Option<TimeText>)]
    cleared_at: Option<String>,
    /// Who takes care.
    acknowledged: Option<SignatureBody>,
    /// Who says that what had to be done was done.
    confirmed: Option<SignatureBody>,
    /// Who closed it.
    closed: Option<SignatureBody>,
    /// Whose task it is.
    owner: Option<String>,
    /// The record that raised it, or `timer`.
    cause: String,
    /// What the source said, such as battery and location.
    #[schema(value_type = Option<serde_json::Value>)]
    detail: serde_json::Value,
}

impl From<&Case> for CaseBody {
    fn from(case: &Case) -> Self {
        let signature = |signature: &Option<Signature>| signature.as_ref().map(SignatureBody::from);
        Self {
            id: case.id.to_string(),
            source: case.source.clone(),
            condition: case.condition.clone(),
            severity: case.severity.as_str(),
            state: case.state().as_str(),
            text: case.text.clone(),
            name: case.name.clone(),
            customer: case.customer.clone(),
            active: case.active,
            quiet: case.quiet,
            raised_at: case.raised_at.to_string(),
            received_at: case.received_at.to_string(),
            happened_at: time(case.happened_at),
            last_raised_at: case.last_raised_at.to_string(),
            repeats: case.repeats,
            cleared_at: time(case.cleared_at),
            acknowledged: signature(&case.acknowledged),
            confirmed: signature(&case.confirmed),
            closed: signature(&case.closed),
            owner: case.owner.clone(),
            cause: case.cause.clone(),
            detail: case.detail.clone(),
        }
    }
}

/// What to do about a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStep)]
pub(crate) struct NewStepBody {
    /// What to do.
    #[serde(rename = "do")]
    #[schema(value_type = VerbText)]
    verb: String,
    /// Why. Wanted for `clear`, `comment`, and where the rules want an operator to close, for `close`.
    #[schema(max_length = 2_000)]
    why: Option<String>,
    /// For `assign`: whose task it is now; nobody's without it.
    #[schema(max_length = 200)]
    to: Option<String>,
}

/// What to do about a case, checked.
pub(crate) struct NewStep {
    pub(crate) verb: CaseVerb,
    pub(crate) why: Option<String>,
}

impl FromBody for NewStep {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let NewStepBody { verb, why, to } = json(bytes)?;
        let named = match verb.as_str() {
            "acknowledge" => CaseVerb::Acknowledge,
            "confirm" => CaseVerb::Confirm,
            "clear" => CaseVerb::Clear,
            "close" => CaseVerb::Close,
            "comment" => CaseVerb::Comment,
            "assign" => CaseVerb::Assign { to: to.clone() },
            _ => {
                return Err(Problem::bad_request(format!(
                    "do: {verb:?} is none of acknowledge, confirm, clear, close, assign, comment"
                )));
            }
        };
        if to.is_some() && !matches!(named, CaseVerb::Assign { .. }) {
            return Err(Problem::bad_request("to: only assign has one"));
        }
        Ok(Self { verb: named, why })
    }
}
