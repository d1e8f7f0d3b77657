//! A scripted server of live sessions at a real socket. It does nothing by itself: a scenario
//! accepts sessions, sends frames, cuts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use spica_live_proto::Encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_websockets::{Message, ServerBuilder};

use super::wire;

/// What a scenario does with a session.
#[derive(Debug)]
pub(crate) enum Act {
    Send(Vec<Value>),
    RawText(String),
    RawBytes(Vec<u8>),
    Cut,
    Drop,
}

/// What becomes of a session that wants to open.
#[derive(Debug)]
pub(crate) enum Decision {
    Accept,
    Refuse {
        status: u16,
        retry_after_s: Option<u64>,
    },
}

/// Bytes of data that were sent, and credit that was given.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) sent: u64,
    pub(crate) given: u64,
}

/// A session that came.
pub(crate) struct Session {
    pub(crate) came: Instant,
    pub(crate) decide: Option<oneshot::Sender<Decision>>,
    /// Frames of the client; over a WebSocket the first is hello.
    pub(crate) said: mpsc::UnboundedReceiver<Value>,
    pub(crate) acts: mpsc::UnboundedSender<Act>,
    pub(crate) way: watch::Receiver<&'static str>,
    pub(crate) book: Arc<Mutex<Book>>,
}

/// A server that offers some ways.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) sessions: mpsc::UnboundedReceiver<Session>,
    _tasks: JoinSet<()>,
}

struct Shared {
    offers: Vec<String>,
    encoding: Encoding,
    arrivals: mpsc::UnboundedSender<Session>,
    http: Mutex<HashMap<String, Arc<Http>>>,
    opened: AtomicUsize,
}

/// The server's side of a session.
struct Inner {
    decided: oneshot::Receiver<Decision>,
    said: mpsc::UnboundedSender<Value>,
    acts: mpsc::UnboundedReceiver<Act>,
    way: watch::Sender<&'static str>,
    book: Arc<Mutex<Book>>,
}

/// A session over HTTP.
struct Http {
    said: mpsc::UnboundedSender<Value>,
    log: watch::Sender<Vec<String>>,
    /// Counts drops; `None` after a cut.
    drops: watch::Sender<Option<u32>>,
    way: watch::Sender<&'static str>,
}

impl Server {
    pub(crate) async fn start(offers: Vec<String>, encoding: Encoding) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (arrivals, sessions) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            offers,
            encoding,
            arrivals,
            http: Mutex::default(),
            opened: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move { shared.serve(stream).await });
            }
        });
        Self {
            url,
            sessions,
            _tasks: tasks,
        }
    }
}

impl Shared {
    fn arrival(&self, way: &'static str) -> Inner {
        let (decide, decided) = oneshot::channel();
        let (said_to, said) = mpsc::unbounded_channel();
        let (acts_to, acts) = mpsc::unbounded_channel();
        let (way, watched) = watch::channel(way);
        let book = Arc::new(Mutex::new(Book::default()));
        let session = Session {
            came: Instant::now(),
            decide: Some(decide),
            said,
            acts: acts_to,
            way: watched,
            book: Arc::clone(&book),
        };
        // The scenario may be over.
        let _ = self.arrivals.send(session);
        Inner {
            decided,
            said: said_to,
            acts,
            way,
            book,
        }
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut head = [0; 8192];
        let text = loop {
            let Ok(count) = stream.peek(&mut head).await else {
                return;
            };
            let text = String::from_utf8_lossy(&head[..count]).into_owned();
            if count == 0 {
                return;
            }
            if text.contains("\r\n\r\n") {
                break text;
            }
            tokio::task::yield_now().await;
        };
        if text.to_ascii_lowercase().contains("upgrade: websocket") {
            if text.starts_with("GET /v1/live/ws ") && self.offers.iter().any(|way| way == "ws") {
                self.websocket(stream).await;
            } else {
                answer(&mut stream, 404, "", "").await;
            }
            return;
        }
        let head_bytes = text.find("\r\n\r\n").unwrap() + 4;
        stream.read_exact(&mut head[..head_bytes]).await.unwrap();
        self.http(stream, &text[..head_bytes]).await;
    }

    async fn websocket(&self, mut stream: TcpStream) {
        let mut inner = self.arrival("ws");
        match inner.decided.await {
            Ok(Decision::Accept) => {}
            Ok(Decision::Refuse {
                status,
                retry_after_s,
            }) => return answer(&mut stream, status, &retry(retry_after_s), "").await,
            Err(_) => return,
        }
        let name = "sec-websocket-protocol".parse().unwrap();
        let value = self.encoding.subprotocol().parse().unwrap();
        let builder = ServerBuilder::new().add_header(name, value).unwrap();
        let (_, mut socket) = builder.accept(stream).await.unwrap();
        loop {
            tokio::select! {
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    if message.is_text() || message.is_binary() {
                        assert_eq!(message.is_text(), self.encoding == Encoding::Json);
                        let frame = wire::read(self.encoding, message.as_payload());
                        // The scenario may be over.
                        let _ = inner.said.send(frame);
                    }
                }
                act = inner.acts.recv() => {
                    let messages: Vec<Message> = match act {
                        Some(Act::Send(frames)) => {
                            frames.iter().map(|it| self.message(it, &inner.book)).collect()
                        }
                        Some(Act::RawText(text)) => vec![Message::text(text)],
                        Some(Act::RawBytes(bytes)) => vec![Message::binary(bytes)],
                        Some(Act::Drop) => continue,
                        Some(Act::Cut) | None => return,
                    };
                    for message in messages {
                        if socket.send(message).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn message(&self, frame: &Value, book: &Mutex<Book>) -> Message {
        let message = match self.encoding {
            Encoding::Json => Message::text(frame.to_string()),
            Encoding::Cbor => Message::binary(wire::cbor(frame)),
        };
        count(frame, message.as_payload().len(), book);
        message
    }

    async fn http(&self, mut stream: TcpStream, head: &str) {
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let length = header(head, "content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let token = header(head, "authorization").map(|it| it.replace("Bearer ", ""));
        let offered = self.offers.iter().any(|way| way != "ws");
        let rest = path.strip_prefix("/v1/live/sessions");
        match (method, rest.filter(|_| offered)) {
            ("POST", Some("")) => {
                let mut hello: Value = serde_json::from_slice(&body).unwrap();
                if let Some(token) = token {
                    hello["token"] = token.into();
                }
                self.open(stream, hello).await;
            }
            (_, Some(rest)) => {
                assert_eq!(token.as_deref(), Some("secret"), "each request has it");
                let rest = rest.trim_start_matches('/');
                let (id, what) = rest.split_once('/').unwrap_or((rest, ""));
                let session = self.http.lock().get(id).cloned();
                match session {
                    Some(session) => self.of(&session, stream, head, what, &body).await,
                    None => answer(&mut stream, 404, "", "").await,
                }
            }
            _ => answer(&mut stream, 404, "", "").await,
        }
    }

    async fn open(&self, mut stream: TcpStream, hello: Value) {
        let mut inner = self.arrival("");
        let id = format!("s%2F{}", self.opened.fetch_add(1, Ordering::Relaxed));
        // The scenario may be over.
        let _ = inner.said.send(hello);
        match inner.decided.await {
            Ok(Decision::Accept) => {}
            Ok(Decision::Refuse {
                status,
                retry_after_s,
            }) => return answer(&mut stream, status, &retry(retry_after_s), "").await,
            Err(_) => return,
        }
        let Some(Act::Send(frames)) = inner.acts.recv().await else {
            return;
        };
        let http = Arc::new(Http {
            said: inner.said,
            log: watch::Sender::new(Vec::new()),
            drops: watch::Sender::new(Some(0)),
            way: inner.way,
        });
        self.http.lock().insert(id.clone(), Arc::clone(&http));
        let body = json!({"session": id.replace("%2F", "/"), "frames": frames});
        answer(&mut stream, 200, "", &body.to_string()).await;
        drop(stream);
        while let Some(act) = inner.acts.recv().await {
            match act {
                Act::Send(frames) => http.log.send_modify(|log| {
                    for frame in frames {
                        let text = frame.to_string();
                        count(&frame, text.len(), &inner.book);
                        log.push(text);
                    }
                }),
                Act::Drop => http.drops.send_modify(|it| *it = it.map(|it| it + 1)),
                Act::Cut => break,
                Act::RawText(_) | Act::RawBytes(_) => unreachable!("WebSocket only"),
            }
        }
        self.http.lock().remove(&id);
        http.drops.send_replace(None);
    }

    async fn of(&self, session: &Http, mut stream: TcpStream, head: &str, what: &str, body: &[u8]) {
        let way = match what.split('?').next() {
            Some("events") => "sse",
            Some("poll") => "poll",
            _ => "",
        };
        if head.starts_with("DELETE") {
            return answer(&mut stream, 204, "", "").await;
        }
        if way.is_empty() {
            for frame in serde_json::from_slice::<Vec<Value>>(body).unwrap() {
                // The scenario may be over.
                let _ = session.said.send(frame);
            }
            return answer(&mut stream, 202, "", "").await;
        }
        if !self.offers.iter().any(|offer| offer == way) {
            return answer(&mut stream, 404, "", "").await;
        }
        session.way.send_replace(way);
        let mut drops = session.drops.subscribe();
        let reading = async {
            if way == "sse" {
                let last = header(head, "last-event-id").map_or(0, |it| it.parse().unwrap());
                session.events(&mut stream, last).await;
            } else {
                let after = what.split("after=").nth(1).unwrap();
                let after = after.split('&').next().unwrap().parse().unwrap();
                session.poll(&mut stream, after).await;
            }
        };
        tokio::select! {
            () = reading => {}
            _ = drops.changed() => {}
        }
    }
}

impl Http {
    async fn events(&self, stream: &mut TcpStream, mut at: usize) {
        let head = "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n";
        let mut log = self.log.subscribe();
        let mut text = head.to_owned();
        loop {
            for frame in &log.borrow_and_update()[at..] {
                at += 1;
                text.push_str(&format!("id: {at}\ndata: {frame}\n\n"));
            }
            if stream.write_all(text.as_bytes()).await.is_err() || log.changed().await.is_err() {
                return;
            }
            text.clear();
        }
    }

    async fn poll(&self, stream: &mut TcpStream, after: usize) {
        let mut log = self.log.subscribe();
        if log.wait_for(|log| log.len() > after).await.is_err() {
            return;
        }
        let (next, frames) = {
            let log = log.borrow();
            (log.len(), log[after..].join(","))
        };
        let body = format!(r#"{{"next":{next},"frames":[{frames}]}}"#);
        answer(stream, 200, "", &body).await;
    }
}

fn count(frame: &Value, bytes: usize, book: &Mutex<Book>) {
    if frame["t"] == "data" {
        book.lock().sent += bytes as u64;
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn retry(seconds: Option<u64>) -> String {
    seconds.map_or(String::new(), |it| format!("Retry-After: {it}\r\n"))
}

async fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    // The client may have gone.
    let _ = stream.write_all(text.as_bytes()).await;
}
