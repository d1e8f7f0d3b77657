//! `/v1/bans`: who may not connect for a while.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spica_admission::{Admission, Ban, BanError};
use spica_model::{Lane, Timestamp};
use spica_settings::Span;
use utoipa::ToSchema;

use crate::auth::{Caller, Operator, Reader, Source};
use crate::commit::commit;
use crate::extract::{FromBody, Json, PathOf, json};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Usual};
use crate::paging::JsonPage;
use crate::problem::{Problem, ProblemKind};
use crate::routes::devices::created;
use crate::schemas::{DurationText, NetText, TimeText};
use crate::state::App;

/// A ban in force.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Ban)]
pub(crate) struct BanBody {
    /// Who is banned: an address or a net.
    source: String,
    /// Where: `stations`, `mqtt` if there is such a station, and `http` for a ban by hand, one of them
    /// for an automatic one.
    from: Vec<&'static str>,
    /// Until when.
    #[schema(value_type = TimeText)]
    until: String,
    /// Why.
    reason: String,
    /// Whether it was made by the rule, not by hand.
    automatic: bool,
}

/// All bans in force.
#[derive(Serialize, ToSchema)]
#[schema(as = BanList)]
pub(crate) struct BanListBody {
    /// In the order of their nets.
    bans: Vec<BanBody>,
}

/// A ban to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBan)]
pub(crate) struct NewBanBody {
    /// An address or a net, such as `192.0.2.7` or `2001:db8::/32`.
    #[schema(value_type = NetText)]
    source: String,
    /// How long, such as `10min`; a second to 366 days.
    #[serde(rename = "for")]
    #[schema(value_type = DurationText)]
    lasts: Span,
    /// Why, up to 200 bytes.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: String,
}

/// A ban to make, checked as far as that goes without the bans there are.
pub(crate) struct NewBan {
    source: IpNet,
    lasts: Span,
    reason: String,
}

impl FromBody for NewBan {
    fn from_body(bytes: &[u8]) -> Result<Self, Problem> {
        let NewBanBody {
            source,
            lasts,
            reason,
        } = json(bytes)?;
        Ok(Self {
            source: net(&source)?,
            lasts,
            reason,
        })
    }
}

const STATIONS: &str = "stations";
const HTTP: &str = "http";

const MQTT: &str = "mqtt";

/// Runs `what` on the bans of the stations and of this interface.
fn all<T>(app: &App, mut what: impl FnMut(&'static str, &mut Admission) -> T) -> Vec<T> {
    let stations = what(STATIONS, &mut app.parts.stations.lock());
    let mqtt = app.parts.mqtt.as_ref();
    let mqtt = mqtt.map(|mqtt| what(MQTT, &mut mqtt.admission.lock()));
    let http = what(HTTP, &mut app.admission.lock());
    [Some(stations), mqtt, Some(http)]
        .into_iter()
        .flatten()
        .collect()
}

/// Where bans by hand hold.
fn places(app: &App) -> Vec<&'static str> {
    all(app, |place, _| place)
}

fn bans(app: &App) -> Vec<BanBody> {
    let (now, wall) = (app.monotonic(), app.now());
    let everywhere = all(app, |from, admission| {
        admission
            .bans(now)
            .into_iter()
            .map(move |ban| (from, ban))
            .collect::<Vec<_>>()
    });
    let mut bans: Vec<(&'static str, Ban)> = everywhere.into_iter().flatten().collect();
    bans.sort_by_key(|(_, ban)| ban.source);
    let mut merged: Vec<(Vec<&'static str>, Ban)> = Vec::with_capacity(bans.len());
    for (from, ban) in bans {
        match merged.last_mut() {
            Some((places, same)) if *same == ban => places.push(from),
            _ => merged.push((vec![from], ban)),
        }
    }
    merged
        .into_iter()
        .map(|(from, ban)| shown(from, ban, wall))
        .collect()
}

fn shown(from: Vec<&'static str>, ban: Ban, wall: Timestamp) -> BanBody {
    BanBody {
        source: text(ban.source),
        from,
        until: wall.saturating_add(ban.left).to_string(),
        reason: ban.reason,
        automatic: ban.automatic,
    }
}

/// A single address without its prefix length, as people write it.
fn text(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

fn net(text: &str) -> Result<IpNet, Problem> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from).ok();
    text.parse().ok().or_else(address).ok_or_else(|| {
        Problem::bad_request(format!(
            "source: {text:?} is no address or net, such as 192.0.2.0/24"
        ))
    })
}

/// List bans
#[utoipa::path(
    get, path = "/v1/bans", tag = "operation", operation_id = "list_bans",
    responses((status = 200, description = "All in force", body = BanListBody), Usual),
    security(("token" = ["reader"])),
)]
pub(crate) async fn list(State(app): State<App>, _: Caller<Reader>) -> Result<Response, Problem> {
    let mut page = JsonPage::new("bans", usize::MAX);
    bans(&app).iter().for_each(|ban| page.push_json(ban));
    page.close();
    page.into_response(&app)
}

/// Ban an address or net
///
/// From the stations and from HTTP. Open connections go on.
#[utoipa::path(
    post, path = "/v1/bans", tag = "operation", operation_id = "add_ban",
    request_body = NewBanBody,
    responses((status = 201, description = "Banned", body = BanBody), Usual, Bad, Conflicting, TooLarge),
    security(("token" = ["operator"])),
)]
pub(crate) async fn add(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    Source(own): Source,
    Json(NewBan {
        source,
        lasts,
        reason,
    }): Json<NewBan>,
) -> Result<Response, Problem> {
    if own.is_some_and(|own| source.contains(&own.to_canonical())) {
        let detail = format!("{source} contains the address that this request comes from");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let detail = serde_json::json!({ "for": lasts.to_string(), "reason": reason });
    let author = app.author(&identity);
    let audit = app.audit(&author, "bans", "ban.add", &source.to_string(), detail)?;
    commit(&app, Lane::Normal, &[audit.as_new()]).await?;
    let now = app.monotonic();
    let made = all(&app, |_, admission| {
        admission.ban(now, source, lasts.into(), reason.clone())
    });
    for made in made {
        made.map_err(refused)?;
    }
    let left = lasts.into();
    let source = source.trunc();
    let ban = Ban {
        source,
        reason,
        automatic: false,
        left,
    };
    let shown = shown(places(&app), ban, app.now());
    created(&format!("/v1/bans/{}", shown.source), axum::Json(shown))
}

fn refused(error: BanError) -> Problem {
    let kind = match error {
        BanError::Full(_) => ProblemKind::Conflict,
        BanError::Duration | BanError::Reason => ProblemKind::BadRequest,
    };
    Problem::new(kind, error.to_string())
}

/// Lift a ban
#[utoipa::path(
    delete, path = "/v1/bans/{*source}", tag = "operation", operation_id = "remove_ban",
    params(("source" = inline(NetText), Path, description = "The ban's `source`")),
    responses((status = 204, description = "Lifted"), Usual, Bad, Missing),
    security(("token" = ["operator"])),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(identity, _): Caller<Operator>,
    PathOf(source): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let source = net(&source)?;
    let lifted = all(&app, |_, admission| admission.unban(source));
    if !lifted.contains(&true) {
        return Err(Problem::not_found(format!("there is no ban of {source}")));
    }
    let author = app.author(&identity);
    let audit = app.audit(
        &author,
        "bans",
        "ban.remove",
        &source.to_string(),
        Value::Null,
    )?;
    commit(&app, Lane::Normal, &[audit.as_new()]).await?;
    Ok(StatusCode::NO_CONTENT)
}
