//! Test helpers: records, and a node in memory.

mod handlers;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde_json::Value;
use spica_admission::{Admission, Limits};
use spica_clock::ManualClock;
use spica_history::History;
use spica_journal::Journal;
use spica_journal::memory::MemoryJournal;
use spica_media::Media;
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};
use spica_objects::PictureStore;
use spica_role::scripted::Scripted;
use spica_views::{DeviceService, Views};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) use handlers::OneHandler;

use crate::config::Settings;
use crate::server::assemble;
use crate::state::{App, MqttParts, Parts};
use crate::token::Role;
use crate::{Arguments, CommandCall, CommandCallError, CommandCatalogue, CommandName};
use crate::{EncodedCommand, Metrics, PairCollector, token_store};

/// A JSON record of the normal lane.
pub(crate) fn record(topic: &str, seq: u64, payload: &str) -> Record {
    Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(seq),
        },
        topic: Topic::new(topic).unwrap(),
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        key: None,
        cause: None,
        properties: None,
    }
}

/// When tests begin.
pub(crate) const BEGIN: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A node in memory, with one token per role.
pub(crate) struct Node {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) stopping: CancellationToken,
    pub(crate) role: Scripted,
    /// The desk's own: it writes nothing where a test does not want it.
    pub(crate) desk: Scripted,
    tokens: Vec<(Role, String)>,
    _directory: tempfile::TempDir,
}

/// Two commands: `take-picture` (2) without arguments, `set-check-in-interval` (1) with minutes.
struct TwoCommands;

impl CommandCatalogue for TwoCommands {
    fn encode(&self, call: &CommandCall) -> Result<EncodedCommand, CommandCallError> {
        let unknown = |field, detail: &str| {
            Err(CommandCallError {
                field,
                detail: detail.into(),
            })
        };
        let (code, name) = match &call.command {
            CommandName::Name(name) if name == "take-picture" => (2, "take-picture"),
            CommandName::Code(2) => (2, "take-picture"),
            CommandName::Name(name) if name == "set-check-in-interval" => {
                (1, "set-check-in-interval")
            }
            _ => return unknown("name", "there are take-picture, set-check-in-interval"),
        };
        let arguments = match &call.arguments {
            Arguments::Hex(hex) if hex == "0f00" => vec![15, 0],
            Arguments::Fields(fields) if fields.is_empty() && code == 2 => Vec::new(),
            Arguments::Fields(fields) if fields.get("minutes").is_some() => vec![15, 0],
            _ => return unknown("arguments", "minutes are missing"),
        };
        Ok(EncodedCommand {
            code,
            name: name.into(),
            arguments,
        })
    }
}

/// A man-down of a device is an emergency.
fn rules() -> spica_cases::Rules {
    let raise = spica_cases::EventRule::Raise {
        condition: "man-down".into(),
        severity: spica_cases::Severity::Emergency,
    };
    spica_cases::Rules {
        events: [("man-down".to_owned(), raise)].into(),
        ..spica_cases::Rules::default()
    }
}

impl Node {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::build(settings, MemoryJournal::new(), false).await
    }

    /// A node on which every request is an admin's.
    pub(crate) async fn open() -> Self {
        Self::build(Settings::default(), MemoryJournal::new(), true).await
    }

    pub(crate) async fn build(settings: Settings, journal: Arc<MemoryJournal>, open: bool) -> Self {
        let views = spica_views::Settings::default();
        Self::assembled(settings, views, journal, open, None).await
    }

    /// A node with an MQTT station.
    pub(crate) async fn with_mqtt(mqtt: MqttParts) -> Self {
        let (settings, views) = (Settings::default(), spica_views::Settings::default());
        Self::assembled(settings, views, MemoryJournal::new(), false, Some(mqtt)).await
    }

    pub(crate) async fn build_with_views(
        settings: Settings,
        views: spica_views::Settings,
        journal: Arc<MemoryJournal>,
    ) -> Self {
        Self::assembled(settings, views, journal, false, None).await
    }

    async fn assembled(
        settings: Settings,
        views: spica_views::Settings,
        journal: Arc<MemoryJournal>,
        open: bool,
        mqtt: Option<MqttParts>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(BEGIN));
        let views = Views::start(
            journal.clone(),
            Topic::new("root/s1").unwrap(),
            views,
            &directory.path().join("views.redb"),
            clock.clone(),
        )
        .unwrap();
        let mut registry = Registry::with_prefix("spica");
        let metrics = Metrics::register(&mut registry);
        let location = directory.path().join("pictures");
        let incoming = directory.path().join("incoming");
        let pictures =
            PictureStore::open(location.to_str().unwrap(), &incoming, Default::default()).unwrap();
        let role = Scripted::default();
        role.serve();
        PairCollector::register(Arc::new(role.clone()), &mut registry);
        let desk_role = Scripted::default();
        let deps = spica_desk::Deps {
            journal: journal.clone(),
            views: views.clone(),
            role: Arc::new(desk_role.clone()),
            clock: clock.clone(),
            rules: rules(),
            plans: Arc::new(spica_alerts::Plans::none()),
            channels: spica_desk::Channels::default(),
        };
        let desk = spica_desk::Desk::start(deps, Default::default(), Default::default()).unwrap();
        let parts = Parts {
            desk,
            handlers: Arc::new(OneHandler::default()),
            history: History::open(
                &directory.path().join("history"),
                journal.clone(),
                views.node(),
                Default::default(),
                clock.clone(),
            )
            .unwrap(),
            media: Media::open(
                &directory.path().join("media.redb"),
                pictures.clone(),
                views.node().clone(),
                &Default::default(),
            )
            .unwrap(),
            role: Arc::new(role.clone()),
            devices: Arc::new(DeviceService::new(
                journal.clone(),
                views.clone(),
                clock.clone(),
            )),
            live: spica_live_hub::Hub::start(
                journal.clone(),
                views.clone(),
                clock.clone(),
                Default::default(),
            )
            .unwrap(),
            journal: journal.clone(),
            views,
            pictures,
            mqtt,
            rules: None,
            stations: Arc::new(Mutex::new(Admission::new(Limits::default()))),
            commands: Arc::new(TwoCommands),
            clock: clock.clone(),
            metrics,
            registry: Arc::new(registry),
            open,
        };
        let stopping = CancellationToken::new();
        let (app, router) = assemble(settings, parts, stopping.clone());
        let mut node = Self {
            app,
            router,
            journal,
            clock,
            stopping,
            role,
            desk: desk_role,
            tokens: Vec::new(),
            _directory: directory,
        };
        for role in [Role::Reader, Role::Operator, Role::Admin] {
            let token = node.make_token(role, None).await;
            node.tokens.push((role, token));
        }
        node
    }

    /// Makes a token without going over HTTP.
    pub(crate) async fn make_token(&self, role: Role, serial: Option<&str>) -> String {
        let author = crate::facts::Author {
            by: "test".into(),
            at: BEGIN,
        };
        let views = &self.app.parts.views;
        let name = role.as_str().to_owned();
        let made = token_store::make(views.node(), &author, name, role, serial.map(str::to_owned))
            .unwrap();
        let records = made.facts.each_ref().map(crate::facts::Fact::as_new);
        let ticket = self.journal.submit(Lane::Normal, &records).unwrap();
        self.journal.commit();
        views.applied(Lane::Normal, ticket.waits_for()).await;
        made.secret.reveal()
    }

    /// The last record of the normal lane.
    pub(crate) fn journal_last(&self) -> u64 {
        self.journal.status(Lane::Normal).last.0
    }

    /// Appends a JSON event as a station would, without going over HTTP.
    pub(crate) async fn submit(&self, topic: &str, payload: &Value) {
        let topic = Topic::new(topic).unwrap();
        let payload = payload.to_string();
        let record = spica_model::NewRecord {
            topic: &topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: spica_clock::Clock::wall(&*self.clock),
            source_time: None,
            content_type: &ContentType::Json,
            payload: payload.as_bytes(),
            key: None,
            cause: None,
            properties: None,
        };
        let ticket = self.journal.submit(Lane::Normal, &[record]).unwrap();
        self.app
            .parts
            .views
            .applied(Lane::Normal, ticket.waits_for())
            .await;
    }

    /// The token of a role.
    pub(crate) fn token(&self, role: Role) -> &str {
        &self.tokens.iter().find(|(has, _)| *has == role).unwrap().1
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Starts a request as `role`.
    pub(crate) fn request(
        &self,
        role: Role,
        method: &str,
        path: &str,
    ) -> axum::http::request::Builder {
        let bearer = format!("Bearer {}", self.token(role));
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, bearer)
    }

    /// Sends a request with a JSON body (`Value::Null`: none) and reads what comes back.
    pub(crate) async fn call(
        &self,
        role: Role,
        method: &str,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let request = self
            .request(role, method, path)
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let response = self.send(request.body(body).unwrap()).await;
        (response.status(), json(response).await)
    }

    pub(crate) async fn get(&self, role: Role, path: &str) -> (StatusCode, Value) {
        self.call(role, "GET", path, Value::Null).await
    }

    /// Publishes JSON as the operator; where it stands.
    pub(crate) async fn publish(&self, path_and_query: &str, payload: &str) -> String {
        let path = format!("/v1/topics/root/s1/{path_and_query}");
        let request = self
            .request(Role::Operator, "POST", &path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(payload.to_owned()))
            .unwrap();
        let response = self.send(request).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        json(response).await["position"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// The body of an answer.
pub(crate) async fn bytes(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// The JSON body of an answer; null for an empty or another one.
pub(crate) async fn json(response: Response<Body>) -> Value {
    serde_json::from_slice(&bytes(response).await).unwrap_or_default()
}
