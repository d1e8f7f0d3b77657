//! A client that follows a filter precisely, over as many sessions as it takes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

/// How long anything may take.
const LONG: Duration = Duration::from_secs(60);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// One session, in JSON.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, token: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        Self::open_on(stream, address, token).await
    }

    /// None if no session came of it.
    pub(crate) async fn open_on(
        stream: TcpStream,
        address: SocketAddr,
        token: &str,
    ) -> Option<Self> {
        let builder = ClientBuilder::new()
            .uri(&format!("ws://{address}/v1/live/ws"))
            .unwrap()
            .limits(tokio_websockets::Limits::unlimited())
            .add_header(
                "sec-websocket-protocol".parse().unwrap(),
                "spica.live.v1.json".parse().unwrap(),
            )
            .unwrap();
        let (socket, _) = builder.connect_on(stream).await.ok()?;
        let mut client = Self { socket };
        client.say(&json!({"t": "hello", "token": token})).await?;
        let welcome = client.next().await?;
        (welcome["t"] == "welcome").then_some(client)
    }

    /// None if the session has ended.
    pub(crate) async fn say(&mut self, frame: &Value) -> Option<()> {
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .ok()
    }

    /// The next frame but beats; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(LONG, self.socket.next());
            let message = message.await.expect("a frame, or a heartbeat")?.ok()?;
            let Some(text) = message.as_text() else {
                continue;
            };
            let frame: Value = serde_json::from_str(text).unwrap();
            if frame["t"] != "beat" {
                return Some(frame);
            }
        }
    }

    /// The next frame, which is of the type.
    pub(crate) async fn frame(&mut self, t: &str) -> Value {
        let frame = self.next().await.expect("a frame");
        assert_eq!(frame["t"], t, "{frame}");
        frame
    }
}

/// What a follower has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// By topic below the root, the keys of its records, in order.
    pub(crate) keys: BTreeMap<String, Vec<String>>,
    /// How many sessions that took.
    pub(crate) sessions: usize,
    /// Why servers ended sessions.
    pub(crate) byes: Vec<String>,
}

/// The topics of keys like `name/0/17`, and how many records each has.
pub(crate) fn topics<'a>(keys: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut topics = BTreeMap::new();
    for key in keys {
        let (topic, _) = key.rsplit_once('/').unwrap();
        *topics.entry(topic.to_owned()).or_default() += 1;
    }
    topics
}

/// Follows in the background until it is dropped.
pub(crate) struct Follower {
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    /// Follows `filter` at one of the nodes, from now on.
    pub(crate) fn start(nodes: Vec<SocketAddr>, token: &str, filter: &str) -> Self {
        let (tell, seen) = watch::channel(Seen::default());
        let mut follow = Follow {
            token: token.to_owned(),
            filter: filter.to_owned(),
            at: None,
            tell,
        };
        let task = tokio::spawn(async move {
            for node in nodes.iter().cycle() {
                follow.session(*node).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { seen, task }
    }

    /// Waits until it has seen enough.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        let reached = seen.wait_for(|seen| enough(seen));
        match tokio::time::timeout(LONG, reached).await {
            Ok(Ok(seen)) => seen.clone(),
            Ok(Err(_)) => panic!("the follower has panicked"),
            Err(_) => panic!("{what} did not come: {:?}", self.summary()),
        }
    }

    fn summary(&self) -> (usize, Vec<String>, BTreeMap<String, usize>) {
        let seen = self.seen.borrow();
        let counts = seen
            .keys
            .iter()
            .map(|(topic, keys)| (topic.clone(), keys.len()));
        (seen.sessions, seen.byes.clone(), counts.collect())
    }
}

struct Follow {
    token: String,
    filter: String,
    /// The place to go on from.
    at: Option<Value>,
    tell: watch::Sender<Seen>,
}

impl Follow {
    /// One session, to its end; none if none comes about.
    async fn session(&mut self, node: SocketAddr) -> Option<()> {
        let mut client = Client::open(node, &self.token).await?;
        let subscribe = json!({
            "t": "subscribe", "sub": 1, "filter": self.filter, "kinds": "event",
            "deliver": "each", "recovery": "precise", "snapshot": false, "after": self.at,
        });
        client.say(&subscribe).await?;
        loop {
            let frame = client.next().await?;
            self.take(&frame);
        }
    }

    fn take(&mut self, frame: &Value) {
        match frame["t"].as_str().unwrap() {
            "subscribed" => {
                assert_eq!(frame["resumed"], self.at.is_some(), "{frame}");
                if self.at.is_none() {
                    self.at = Some(frame["at"].clone());
                }
                self.tell.send_modify(|seen| seen.sessions += 1);
            }
            "data" => {
                let rows = frame["u"].as_array().unwrap();
                self.tell.send_modify(|seen| {
                    for row in rows {
                        add(seen, row);
                    }
                });
                self.at = Some(frame["at"].clone());
            }
            "ready" => self.at = Some(frame["at"].clone()),
            "bye" => {
                let code = frame["code"].as_str().unwrap().to_owned();
                self.tell.send_modify(|seen| seen.byes.push(code));
            }
            _ => panic!("a precise follower is told {frame}"),
        }
    }
}

/// An event is a full row; its payload is its key, or has it.
fn add(seen: &mut Seen, row: &Value) {
    assert_eq!((&row[0], &row[9]), (&json!(0), &json!(1)), "{row}");
    let topic = row[2].as_str().unwrap().strip_prefix("root/").unwrap();
    let key = row[11].as_str().or_else(|| row[11]["key"].as_str());
    let keys = seen.keys.entry(topic.to_owned()).or_default();
    keys.push(key.unwrap().to_owned());
}
