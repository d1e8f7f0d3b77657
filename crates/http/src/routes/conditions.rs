//! `/v1/conditions`: what is shelved, suppressed, out of service, or about to be raised.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spica_cases::{ALARMS, Condition, ConditionVerb, Order, Part, Verb};
use spica_model::Timestamp;
use spica_settings::Span;
use utoipa::{IntoParams, ToSchema};

use super::cases::refused;
use crate::auth::{Caller, Operator, Reader};
use crate::extract::{FromBody, Json, QueryOf, json};
use crate::openapi::{Bad, Conflicting, TooLarge, Usual};
use crate::paging::{JsonPage, limit};
use crate::problem::Problem;
use crate::schemas::{CaseIdText, ConditionVerbText, DurationText, TopicText};
use crate::state::App;

/// A page of conditions.
#[derive(Serialize, ToSchema)]
#[schema(as = ConditionPage)]
pub(crate) struct ConditionPageBody {
    /// Those of which there is something to say: active, about to be raised or cleared, shelved,
    /// suppressed, out of service, or with an open case.
    #[schema(value_type = Vec<serde_json::Value>)]
    conditions: Vec<serde_json::Value>,
    /// Give this as `after` for the next page; null on the last one.
    #[schema(value_type = Option<TopicText>)]
    next: Option<String>,
}

/// Which conditions, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConditionsQuery {
    /// Only this condition, such as `man-down`.
    #[param(max_length = 64)]
    condition: Option<String>,
    /// Only those of which nobody is alerted: shelved, suppressed, out of service.
    quiet: Option<bool>,
    /// The `next` of the page before.
    #[param(value_type = Option<TopicText>)]
    after: Option<String>,
    /// Conditions per page, 1 to `http.page_limit`; 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

/// What to do about a condition.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConditionOrder)]
pub(crate) struct OrderBody {
    /// What to do.
    #[serde(rename = "do")]
    #[schema(value_type = ConditionVerbText)]
    verb: String,
    /// What it is about, such as `devices/0012345`.
    #[schema(min_length = 1, max_length = 1_024)]
    source: String,
    /// Which condition, such as `man-down`.
    #[schema(min_length = 1, max_length = 64)]
    condition: String,
    /// For `shelve`: for how long. Without it, until the condition has returned to normal once.
    #[serde(rename = "for")]
    #[schema(value_type = Option<DurationText>)]
    duration: Option<Span>,
    /// Why. Wanted for `suppress` and `out-of-service`.
    #[schema(max_length = 2_000)]
    why: Option<String>,
}

/// What to do about a condition, checked.
pub(crate) struct NewOrder {
    body: OrderBody,
}

const VERBS: [&str; 6] = [
    "shelve",
    "unshelve",
    "suppress",
    "unsuppress",
    "out-of-service",
    "in-service",
];

impl FromBody for NewOrder {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let body: OrderBody = json(bytes)?;
        if !VERBS.contains(&body.verb.as_str()) {
            let detail = format!("do: {:?} is none of {}", body.verb, VERBS.join(", "));
            return Err(Problem::bad_request(detail));
        }
        if body.duration.is_some() && body.verb != "shelve" {
            return Err(Problem::bad_request("for: only shelve has one"));
        }
        Ok(Self { body })
    }
}

impl NewOrder {
    fn verb(&self, now: Timestamp) -> ConditionVerb {
        let duration = self.body.duration;
        match self.body.verb.as_str() {
            "unshelve" => ConditionVerb::Unshelve,
            "suppress" => ConditionVerb::Suppress,
            "unsuppress" => ConditionVerb::Unsuppress,
            "out-of-service" => ConditionVerb::OutOfService,
            "in-service" => ConditionVerb::InService,
            _ => ConditionVerb::Shelve {
                until: duration.map(|span| now.saturating_add(span.as_duration())),
            },
        }
    }
}

/// What an order about a condition has done.
#[derive(Serialize, ToSchema)]
#[schema(as = ConditionOrdered)]
pub(crate) struct OrderedBody {
    /// The open cases of the condition, which have a step more.
    #[schema(value_type = Vec<CaseIdText>)]
    cases: Vec<String>,
}

/// List conditions
#[utoipa::path(
    get, path = "/v1/conditions", tag = "cases", operation_id = "list_conditions",
    params(ConditionsQuery),
    responses((status = 200, description = "A page", body = ConditionPageBody), Usual, Bad),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    QueryOf(query): QueryOf<ConditionsQuery>,
) -> Result<Response, Problem> {
    let limit = limit(query.limit, app.settings.page_limit)?;
    let worker = app.clone();
    let page = app
        .offload
        .run(move || fill(&worker, &query, limit))
        .await?;
    page.into_response(&app)
}

fn fill(app: &App, query: &ConditionsQuery, limit: usize) -> JsonPage {
    /// Topics that are read at once.
    const PAGE: usize = 1_024;
    let node = app.names.node.as_str();
    let prefix = match &query.condition {
        Some(condition) => format!("{node}/{ALARMS}/conditions/{condition}"),
        None => format!("{node}/{ALARMS}/conditions"),
    };
    let mut page = JsonPage::new("conditions", app.settings.page_bytes.as_usize());
    let mut after = query.after.clone();
    let next = loop {
        let records = app.parts.views.subtree(&prefix, after.as_deref(), PAGE);
        for record in &records {
            if page.len() == limit || page.is_full() {
                page.close();
                page.field("next", &after);
                return page;
            }
            after = Some(record.topic.to_string());
            if is_wanted(node, query, record) {
                page.push(&record.payload);
            }
        }
        if records.len() < PAGE {
            break None::<String>;
        }
    };
    page.close();
    page.field("next", &next);
    page
}

fn is_wanted(node: &str, query: &ConditionsQuery, record: &spica_model::Record) -> bool {
    if !matches!(Part::of(node, &record.topic), Some(Part::Condition { .. })) {
        return false;
    }
    if !query.quiet.unwrap_or_default() {
        return true;
    }
    let condition = serde_json::from_slice::<Condition>(&record.payload);
    condition
        .is_ok_and(|c| c.shelved.is_some() || c.suppressed.is_some() || c.out_of_service.is_some())
}

/// Shelve, suppress or take a condition out of service, or end that
///
/// Whoever does it, and why, is written down. An emergency can be shelved for
/// `alarms.cases.emergency_shelf_max` only.
#[utoipa::path(
    post, path = "/v1/conditions", tag = "cases", operation_id = "order_condition",
    request_body = OrderBody,
    responses(
        (status = 200, description = "Done", body = OrderedBody),
        Usual, Bad, Conflicting, TooLarge,
    ),
    security(("token" = ["operator"])),
)]
pub(crate) async fn order(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    Json(new): Json<NewOrder>,
) -> Result<axum::Json<OrderedBody>, Problem> {
    let verb = new.verb(app.now());
    let OrderBody {
        source,
        condition,
        why,
        ..
    } = new.body;
    let order = Order {
        verb: Verb::Condition {
            source,
            condition,
            verb,
        },
        by: format!("operator:{}", identity.by()),
        why,
    };
    let cases = app
        .parts
        .desk
        .order(order)
        .await
        .map_err(|error| refused(&error))?;
    let cases = cases.iter().map(ToString::to_string).collect();
    Ok(axum::Json(OrderedBody { cases }))
}
