//! The table of routes, and the document that describes them. There is no other way to add a route:
//! what is served and what is described are one list.

use axum::Router;
use std::collections::BTreeMap;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{ProblemBody, ProblemKind};
use crate::routes::{
    acknowledge, alerts, bans, cases, commands, conditions, devices, find, handlers, health,
    history, live, media, metrics, mqtt, openapi, page, pair, pictures, records, report, rules,
    sessions, tokens, topics, tree,
};
use crate::schemas;
use crate::state::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Spica",
        description = "Telemetry hub: publish, read, operate, watch. docs/http-api.md explains it.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Shared),
    tags(
        (name = "records", description = "Publish and read records"),
        (name = "live", description = "Live sessions: docs/live.md"),
        (name = "devices", description = "The registry of devices"),
        (name = "commands", description = "What devices are asked to do"),
        (name = "pictures", description = "What devices have seen"),
        (name = "cases", description = "Alarms with a life, and who is told of them"),
        (name = "mqtt", description = "Clients, sessions and users of the MQTT station"),
        (name = "handlers", description = "Durable consumers of the journal"),
        (name = "operation", description = "Bans, tokens, the pair"),
        (name = "health", description = "Health, metrics, this document, the page"),
    ),
)]
struct Base;

/// What many operations share.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An access token. The role an operation needs stands in its list.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        let texts = schemas::all().into_iter();
        components
            .schemas
            .extend(texts.map(|(name, schema)| (name.to_owned(), schema)));
    }
}

fn table() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Base::openapi())
        .routes(routes!(topics::publish, topics::read, topics::delete))
        .routes(routes!(records::publish_batch, find::find))
        .routes(routes!(find::series))
        .routes(routes!(tree::all))
        .routes(routes!(tree::below))
        .routes(routes!(history::history))
        .routes(routes!(live::live))
        .routes(routes!(sessions::open_websocket))
        .routes(routes!(sessions::open))
        .routes(routes!(sessions::post, sessions::end))
        .routes(routes!(sessions::events))
        .routes(routes!(sessions::poll))
        .routes(routes!(devices::list, devices::add))
        .routes(routes!(devices::import::import))
        .routes(routes!(devices::read, devices::put, devices::remove))
        .routes(routes!(devices::enable))
        .routes(routes!(devices::disable))
        .routes(routes!(commands::list, commands::queue))
        .routes(routes!(commands::read, commands::cancel))
        .routes(routes!(media::list))
        .routes(routes!(media::thumbnail))
        .routes(routes!(pictures::list))
        .routes(routes!(pictures::read))
        .routes(routes!(cases::list))
        .routes(routes!(cases::read_one))
        .routes(routes!(cases::steps::steps, cases::step))
        .routes(routes!(cases::steps::notices))
        .routes(routes!(conditions::list, conditions::order))
        .routes(routes!(alerts::status))
        .routes(routes!(alerts::test))
        .routes(routes!(acknowledge::show, acknowledge::follow))
        .routes(routes!(report::report))
        .routes(routes!(handlers::list))
        .routes(routes!(handlers::order))
        .routes(routes!(handlers::letters, handlers::order_letters))
        .routes(routes!(bans::list, bans::add))
        .routes(routes!(bans::remove))
        .routes(routes!(tokens::list, tokens::add))
        .routes(routes!(tokens::remove))
        .routes(routes!(mqtt::clients::list))
        .routes(routes!(mqtt::clients::show, mqtt::clients::kick))
        .routes(routes!(mqtt::clients::sessions))
        .routes(routes!(mqtt::clients::end))
        .routes(routes!(mqtt::users::list, mqtt::users::add))
        .routes(routes!(mqtt::users::remove))
        .routes(routes!(mqtt::users::password))
        .routes(routes!(mqtt::reload))
        .routes(routes!(rules::reload))
        .routes(routes!(pair::status))
        .routes(routes!(pair::switch_over))
        .routes(routes!(pair::promote))
        .routes(routes!(pair::rejoin))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::active))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::openapi))
        .routes(routes!(page::page))
        .routes(routes!(page::asset))
}

/// The routes, and the document that describes them.
pub(crate) fn routes() -> (Router<App>, Document) {
    let (router, mut document) = table().split_for_parts();
    // The router's way to say "and everything below" is none of OpenAPI's.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    (router, document)
}

/// This interface as an OpenAPI document.
#[must_use]
pub fn document() -> Document {
    routes().1
}

/// A refusal as the document describes it.
fn refusal(kind: ProblemKind) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let response = ResponseBuilder::new()
        .description(kind.title())
        .content("application/problem+json", content)
        .build();
    (kind.status().as_str().to_owned(), response.into())
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = [$($kind:ident),+];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(refusal(ProblemKind::$kind)),+].into()
            }
        }
    )+};
}

refusals! {
    /// What every request with a token can meet.
    Usual = [Unauthenticated, Forbidden, Busy, Internal];
    /// Something that is not for whoever asks.
    Refused = [Forbidden, Busy, Internal];
    /// A request that cannot be understood.
    Bad = [BadRequest];
    /// Something that is not there.
    Missing = [NotFound];
    /// Something that stands against it.
    Conflicting = [Conflict];
    /// A body that is too large or too slow.
    TooLarge = [TooLarge, TooSlow];
    /// A body of a type that is not understood.
    Unsupported = [UnsupportedMediaType];
    /// A request for no WebSocket, or one of another version.
    Upgrading = [UpgradeRequired];
    /// A range outside of the picture.
    RangeRefused = [RangeNotSatisfiable];
}
