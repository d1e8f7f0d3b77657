//! Sessions over HTTP: server-sent events or long-poll, where networks break WebSockets.
//!
//! A task reads, so that a session can send meanwhile; it ends with the link.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use spica_live_proto::{ClientFrame, Encoding, Hello, Incoming, ServerFrame, encode_client};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::events::Events;
use super::link::{LinkError, Received};
use super::recorded::seconds;
use crate::core::Way;

/// How long one long-poll waits; beats come sooner.
const POLL: Duration = Duration::from_secs(25);
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request other than a wait may take.
const REQUEST: Duration = Duration::from_secs(10);
/// How long the end of a session may take.
const CLOSE: Duration = Duration::from_secs(1);
/// Times that a broken stream or poll is asked again before the session is given up.
const RETRIES: u32 = 3;
/// Frames that were read and not yet taken.
const AHEAD: usize = 64;

/// A session over HTTP.
pub(crate) struct HttpLink {
    session: Session,
    frames: mpsc::Receiver<Result<Received, LinkError>>,
    reader: Option<JoinHandle<()>>,
    first: std::vec::IntoIter<Received>,
    way: Way,
    brought: bool,
}

/// Where requests about a session go.
#[derive(Clone)]
struct Session {
    client: Client,
    url: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Opened<'a> {
    session: String,
    #[serde(borrow)]
    frames: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Polled<'a> {
    next: u64,
    #[serde(borrow)]
    frames: Vec<&'a RawValue>,
}

impl HttpLink {
    pub(crate) async fn open(base: String, way: Way, mut hello: Hello) -> Result<Self, LinkError> {
        // A provider that is installed already is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| LinkError::Nobody)?;
        let mut session = Session {
            client,
            url: format!("{base}/v1/live/sessions"),
            token: hello.token.take(),
        };
        let body = encode(&ClientFrame::Hello(hello));
        let answer = session.ask(Method::POST, "").timeout(REQUEST);
        let answer = answer.header(CONTENT_TYPE, "application/json").body(body);
        let answer = success(answer.send().await)?;
        let answer = answer.bytes().await.map_err(|_| LinkError::Cut)?;
        let opened: Opened<'_> =
            serde_json::from_slice(&answer).map_err(|_| LinkError::Protocol)?;
        let first: Vec<Received> = opened
            .frames
            .iter()
            .map(|frame| Received::read(Encoding::Json, frame.get().as_bytes()))
            .collect::<Result<_, _>>()?;
        session.url = format!("{}/{}", session.url, escaped(&opened.session));
        let (to, frames) = mpsc::channel(AHEAD);
        let mut link = Self {
            session,
            frames,
            reader: None,
            first: first.into_iter(),
            way,
            brought: false,
        };
        if link.is_welcome() {
            link.start(to).await?;
        }
        Ok(link)
    }

    fn is_welcome(&self) -> bool {
        let first = self.first.as_slice().first();
        first.is_some_and(|it| matches!(it.frame, Incoming::Frame(ServerFrame::Welcome(_))))
    }

    async fn start(
        &mut self,
        to: mpsc::Sender<Result<Received, LinkError>>,
    ) -> Result<(), LinkError> {
        let session = self.session.clone();
        self.reader = Some(if self.way == Way::Events {
            let stream = match session.events(0).await {
                Ok(stream) => stream,
                Err(_) => {
                    session.end().await;
                    return Err(LinkError::Cut);
                }
            };
            tokio::spawn(read_events(session, stream, to))
        } else {
            tokio::spawn(read_polls(session, to))
        });
        Ok(())
    }

    pub(crate) async fn send(&mut self, frames: &[ClientFrame]) -> Result<(), LinkError> {
        let mut body = String::from("[");
        for (nth, frame) in frames.iter().enumerate() {
            if nth > 0 {
                body.push(',');
            }
            body.push_str(&encode(frame));
        }
        body.push(']');
        let request = self.session.ask(Method::POST, "").timeout(REQUEST);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        success(request.send().await)
            .map(drop)
            .map_err(|_| LinkError::Cut)
    }

    pub(crate) async fn receive(&mut self) -> Result<Received, LinkError> {
        if let Some(first) = self.first.next() {
            return Ok(first);
        }
        let received = self.frames.recv().await.unwrap_or(Err(LinkError::Cut));
        self.brought |= received.is_ok();
        received
    }

    pub(crate) const fn proven(&self) -> bool {
        self.brought || matches!(self.way, Way::Poll)
    }

    pub(crate) async fn close(mut self) {
        if let Some(reader) = self.reader.take() {
            reader.abort();
            // It was aborted: there is nothing to hear from it.
            let _ = reader.await;
        }
        self.session.end().await;
    }
}

impl Drop for HttpLink {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

impl Session {
    fn ask(&self, method: Method, rest: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{rest}", self.url));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    async fn events(&self, after: u64) -> Result<Response, LinkError> {
        let mut request = self.ask(Method::GET, "/events");
        request = request.header(ACCEPT, "text/event-stream");
        if after > 0 {
            request = request.header("Last-Event-ID", after.to_string());
        }
        success(request.send().await)
    }

    async fn end(&self) {
        let request = self.ask(Method::DELETE, "").timeout(CLOSE);
        // A session that nobody reads ends by itself.
        let _ = request.send().await;
    }
}

async fn read_events(
    session: Session,
    stream: Response,
    to: mpsc::Sender<Result<Received, LinkError>>,
) {
    let mut events = Events::default();
    let mut stream: Result<Response, LinkError> = Ok(stream);
    let mut failures = 0;
    loop {
        let error = match &mut stream {
            Ok(open) => match events.next(open).await {
                Ok(received) => {
                    failures = 0;
                    if to.send(Ok(received)).await.is_err() {
                        return;
                    }
                    continue;
                }
                Err(error) => error,
            },
            Err(error) => error.clone(),
        };
        failures += 1;
        let hopeless = matches!(error, LinkError::Protocol | LinkError::Status { .. });
        if hopeless || failures > RETRIES || events.last == 0 {
            // Nobody may be left to tell.
            let _ = to.send(Err(end_of(&error))).await;
            return;
        }
        events.forget_part();
        stream = session.events(events.last).await;
    }
}

async fn read_polls(session: Session, to: mpsc::Sender<Result<Received, LinkError>>) {
    let mut after = 0;
    let mut failures = 0;
    loop {
        match poll(&session, after).await {
            Ok((next, frames)) => {
                (after, failures) = (next, 0);
                for frame in frames {
                    if to.send(frame).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                failures += 1;
                let hopeless = matches!(error, LinkError::Protocol | LinkError::Status { .. });
                if hopeless || failures > RETRIES {
                    // Nobody may be left to tell.
                    let _ = to.send(Err(end_of(&error))).await;
                    return;
                }
            }
        }
    }
}

type Frames = Vec<Result<Received, LinkError>>;

async fn poll(session: &Session, after: u64) -> Result<(u64, Frames), LinkError> {
    let rest = format!("/poll?after={after}&timeout_ms={}", POLL.as_millis());
    let request = session.ask(Method::GET, &rest).timeout(POLL + REQUEST);
    let answer = success(request.send().await)?;
    let body = answer.bytes().await.map_err(|_| LinkError::Cut)?;
    let polled: Polled<'_> = serde_json::from_slice(&body).map_err(|_| LinkError::Protocol)?;
    let read = |frame: &&RawValue| Received::read(Encoding::Json, frame.get().as_bytes());
    Ok((polled.next, polled.frames.iter().map(read).collect()))
}

/// Of an open session every end but nonsense is a cut.
fn end_of(error: &LinkError) -> LinkError {
    match error {
        LinkError::Protocol => LinkError::Protocol,
        _ => LinkError::Cut,
    }
}

fn success(answer: Result<Response, reqwest::Error>) -> Result<Response, LinkError> {
    let answer = answer.map_err(|error| {
        if error.is_connect() {
            LinkError::Nobody
        } else {
            LinkError::Cut
        }
    })?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let header = |name| {
        let value = answer.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    Err(LinkError::Status {
        status: answer.status().as_u16(),
        retry_after: header(RETRY_AFTER).and_then(|text| seconds(&text)),
        location: header(LOCATION),
    })
}

/// A frame as JSON text.
fn encode(frame: &ClientFrame) -> String {
    let mut bytes = Vec::new();
    encode_client(Encoding::Json, frame, &mut bytes);
    // JSON is UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

/// A part of a path, escaped.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut out, byte| {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
