//! One scenario, in one configuration of the client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use spica_client::{Answer, AskError, Client, Publish, Settings, State};
use spica_client::{Subscription, Way};
use spica_live_proto::{Encoding, LimitChange};
use spica_model::Topic;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::server::{Act, Decision, Server, Session};
use super::show::{shown, state_text, told, unhex, wanted};

const DEADLINE: Duration = Duration::from_secs(5);

/// How often is looked where there is no event to await.
const TICK: Duration = Duration::from_millis(2);

type Outcome = Result<(), String>;

/// A scenario that runs.
pub(crate) struct Run {
    encoding: Encoding,
    ways: Vec<Way>,
    options: Value,
    servers: Vec<Server>,
    session: Option<Session>,
    client: Option<Arc<Client>>,
    names: HashMap<String, Value>,
    subscriptions: HashMap<String, Subscription>,
    /// What the application was told, as scenarios write it.
    logs: HashMap<String, Vec<Value>>,
    calls: HashMap<String, JoinHandle<Result<Answer, AskError>>>,
    states: Arc<Mutex<Vec<String>>>,
    step_end: Instant,
}

impl Run {
    /// Runs it.
    pub(crate) async fn all(scenario: &Value, run: &str) -> Outcome {
        let (ways, encoding) = match run {
            "ws+json" => (vec![Way::WebSocket], Encoding::Json),
            "ws+cbor" => (vec![Way::WebSocket], Encoding::Cbor),
            "sse" => (vec![Way::Events], Encoding::Json),
            "poll" => (vec![Way::Poll], Encoding::Json),
            _ => (Way::ALL.to_vec(), Encoding::Json),
        };
        let every = json!([["ws", "sse", "poll"]]);
        let offers = scenario.get("servers").unwrap_or(&every);
        let mut servers = Vec::new();
        let mut names = HashMap::new();
        for (index, offer) in offers.as_array().unwrap().iter().enumerate() {
            let offer = serde_json::from_value(offer.clone()).unwrap();
            let server = Server::start(offer, encoding).await;
            names.insert(format!("server{index}"), json!(server.url));
            servers.push(server);
        }
        let mut run = Self {
            encoding,
            ways,
            options: scenario.get("client").cloned().unwrap_or_default(),
            servers,
            session: None,
            client: None,
            names,
            subscriptions: HashMap::new(),
            logs: HashMap::new(),
            calls: HashMap::new(),
            states: Arc::default(),
            step_end: Instant::now(),
        };
        for (index, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            let done = run.step(step).await;
            done.map_err(|error| format!("step {}, {step}: {error}", index + 1))?;
            run.check_credit()?;
            run.step_end = Instant::now();
        }
        run.nothing_left()?;
        let client = run.client.take().ok_or("no client")?;
        let closed = timeout(DEADLINE, client.close()).await;
        closed.map_err(|_| "it does not close".to_owned())
    }

    async fn step(&mut self, step: &Value) -> Outcome {
        let of = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        let key = [
            "do", "accept", "open", "refuse", "expect", "send", "raw", "raw_hex", "way",
        ];
        let key = key
            .into_iter()
            .chain(["cut", "drop", "view", "seen", "stale", "states", "result"]);
        let key = key.into_iter().find(|key| step.get(*key).is_some());
        match key.ok_or("an unknown step")? {
            "do" => self.act(step).await,
            "accept" => self.accept(&step["accept"]).await,
            "open" => self.open(&step["open"]).await,
            "refuse" => self.refuse(&step["refuse"]).await,
            "expect" => self.expect(&step["expect"]).await,
            "send" => {
                let frames = step["send"].as_array().unwrap().iter();
                self.perform(Act::Send(frames.map(|it| self.bound(it)).collect()))
            }
            "raw" => self.perform(Act::RawText(of("raw"))),
            "raw_hex" => self.perform(Act::RawBytes(unhex(&of("raw_hex")))),
            "way" => self.way(&of("way")).await,
            "cut" => self.perform(Act::Cut),
            "drop" => self.perform(Act::Drop),
            "view" => self.view(&of("view"), &step["is"]).await,
            "seen" => self.seen(&of("seen"), &step["are"]).await,
            "stale" => self.stale(&of("stale"), step["is"] == true).await,
            "states" => self.states(&step["states"]).await,
            _ => self.result(&of("result"), step).await,
        }
    }

    // The server.

    async fn arrival(&mut self, options: &Value) -> Result<Session, String> {
        let index = options["server"].as_u64().unwrap_or(0);
        let server = &mut self.servers[usize::try_from(index).unwrap()];
        let session = timeout(DEADLINE, server.sessions.recv()).await;
        let session = session.map_err(|_| "no session comes")?.unwrap();
        let least = Duration::from_millis(options["after_ms"].as_u64().unwrap_or(0));
        if session.came.duration_since(self.step_end) < least {
            return Err("it came too soon".to_owned());
        }
        Ok(session)
    }

    async fn accept(&mut self, options: &Value) -> Outcome {
        let mut session = self.arrival(options).await?;
        session
            .decide
            .take()
            .unwrap()
            .send(Decision::Accept)
            .unwrap();
        let hello = timeout(DEADLINE, session.said.recv()).await;
        let hello = hello
            .map_err(|_| "no hello")?
            .ok_or("gone before its hello")?;
        session.book.lock().sent = hello["credit"].as_u64().unwrap_or(0);
        self.session = Some(session);
        match options.get("hello") {
            Some(wanted) if !self.matches(wanted, &hello) => Err(format!("it says {hello}")),
            _ => Ok(()),
        }
    }

    async fn open(&mut self, options: &Value) -> Outcome {
        self.accept(options).await?;
        let or = |key: &str, default: Value| options.get(key).cloned().unwrap_or(default);
        self.perform(Act::Send(vec![json!({
            "t": "welcome", "session": "s", "node": "root", "engine": or("engine", json!("e1")),
            "time": 1_000_000, "heartbeat_ms": or("heartbeat_ms", json!(60_000)),
            "role": "operator", "max_frame": 65_536, "max_subs": 100,
        })]))
    }

    async fn refuse(&mut self, options: &Value) -> Outcome {
        let mut session = self.arrival(options).await?;
        let decision = Decision::Refuse {
            status: u16::try_from(options["status"].as_u64().unwrap()).unwrap(),
            retry_after_s: options["retry_after_s"].as_u64(),
        };
        session.decide.take().unwrap().send(decision).unwrap();
        Ok(())
    }

    fn perform(&self, act: Act) -> Outcome {
        let session = self.session.as_ref().ok_or("no session")?;
        session
            .acts
            .send(act)
            .map_err(|_| "the session is gone".to_owned())
    }

    async fn expect(&mut self, wanted: &Value) -> Outcome {
        let end = Instant::now() + DEADLINE;
        let frame = loop {
            self.take_items();
            let session = self.session.as_mut().ok_or("no session")?;
            // The application takes its items meanwhile, which is what gives credit.
            let Ok(frame) = timeout(TICK, session.said.recv()).await else {
                if Instant::now() > end {
                    return Err("it says nothing".to_owned());
                }
                continue;
            };
            let frame = frame.ok_or("it is gone")?;
            note_credit(session, &frame);
            if frame["t"] == wanted["t"] || !is_skipped(&frame) {
                break frame;
            }
        };
        if self.matches(wanted, &frame) {
            return Ok(());
        }
        Err(format!("it says {frame}"))
    }

    async fn way(&mut self, way: &str) -> Outcome {
        let session = self.session.as_mut().ok_or("no session")?;
        let known = timeout(DEADLINE, session.way.wait_for(|it| !it.is_empty())).await;
        let known = *known.map_err(|_| "the way is not known")?.unwrap();
        if known == way {
            Ok(())
        } else {
            Err(format!("it is {known}"))
        }
    }

    fn check_credit(&self) -> Outcome {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let book = session.book.lock();
        if book.given > book.sent {
            return Err(format!("more credit than was used: {book:?}"));
        }
        Ok(())
    }

    fn nothing_left(&mut self) -> Outcome {
        while let Some(session) = self.session.as_mut()
            && let Ok(frame) = session.said.try_recv()
        {
            note_credit(session, &frame);
            if !is_skipped(&frame) && frame["t"] != "bye" {
                return Err(format!("left over: {frame}"));
            }
        }
        self.check_credit()
    }

    fn matches(&mut self, wanted: &Value, got: &Value) -> bool {
        match wanted {
            Value::String(text) if text == "*" => !got.is_null(),
            Value::String(text) if text.starts_with('$') => {
                let name = text[1..].to_owned();
                *self.names.entry(name).or_insert_with(|| got.clone()) == *got
            }
            Value::Object(pairs) => {
                got.is_object()
                    && pairs
                        .iter()
                        .all(|(key, value)| self.matches(value, &got[key]))
            }
            Value::Array(items) => got.as_array().is_some_and(|got| {
                got.len() == items.len() && items.iter().zip(got).all(|(a, b)| self.matches(a, b))
            }),
            Value::Number(_) => wanted.as_f64() == got.as_f64(),
            _ => wanted == got,
        }
    }

    fn bound(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with('$') => self.names[&text[1..]].clone(),
            Value::Array(items) => items.iter().map(|item| self.bound(item)).collect(),
            Value::Object(pairs) => {
                let bound = |(key, value): (&String, &Value)| (key.clone(), self.bound(value));
                Value::Object(pairs.iter().map(bound).collect())
            }
            _ => value.clone(),
        }
    }

    // The client.

    async fn act(&mut self, step: &Value) -> Outcome {
        let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        match &*text("do") {
            "connect" => return self.connect(),
            "subscribe" => {
                let mut frame = step.get("options").cloned().unwrap_or_else(|| json!({}));
                frame["t"] = json!("subscribe");
                frame["sub"] = json!(1);
                frame["filter"] = step["filter"].clone();
                let wanted = wanted(&frame)?;
                let subscription = self
                    .client()?
                    .subscribe(wanted)
                    .await
                    .ok_or("it is closed")?;
                self.subscriptions.insert(text("as"), subscription);
            }
            "unsubscribe" => drop(self.subscriptions.remove(&text("of"))),
            "change" => {
                let limits = LimitChange {
                    min_interval_ms: step["limits"]["min_interval_ms"].as_u64(),
                    bytes_per_s: step["limits"]["bytes_per_s"].as_u64(),
                };
                match self.subscriptions.get(&text("of")) {
                    Some(subscription) => subscription.change(limits).await,
                    None => self.client()?.change(limits).await,
                }
            }
            "close" => self.client()?.close().await,
            _ => {
                let call = tokio::spawn(ask(self.client()?, step.clone()));
                // Its command is in the client's queue before the next step's.
                tokio::task::yield_now().await;
                self.calls.insert(text("as"), call);
            }
        }
        Ok(())
    }

    fn connect(&mut self) -> Outcome {
        let urls = self
            .servers
            .iter()
            .map(|server| server.url.clone())
            .collect();
        let mut settings = Settings::new(urls, Some("secret".to_owned()));
        "contract".clone_into(&mut settings.name);
        settings.encoding = self.encoding;
        settings.ways.clone_from(&self.ways);
        settings.max_pause = Duration::from_millis(20);
        settings.credit = self.options["credit"].as_u64().unwrap_or(settings.credit);
        let states = Arc::clone(&self.states);
        let observer = move |state: &State| states.lock().push(state_text(state));
        let client = Client::observed(settings, observer).map_err(|error| error.to_string())?;
        self.client = Some(Arc::new(client));
        Ok(())
    }

    fn client(&self) -> Result<Arc<Client>, String> {
        self.client.clone().ok_or_else(|| "no client".to_owned())
    }

    async fn view(&mut self, name: &str, wanted: &Value) -> Outcome {
        let wanted = wanted.as_object().unwrap();
        let end = Instant::now() + DEADLINE;
        loop {
            let values = self.subscriptions[name].values();
            let same = values.len() == wanted.len()
                && values.iter().all(|value| {
                    let wanted = wanted.get(value.topic.as_str());
                    wanted.is_some_and(|wanted| self.matches(wanted, &shown(value)))
                });
            if same {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("it is {values:?}"));
            }
            // What is told is not what is held: the view has no event of its own.
            tokio::time::sleep(TICK).await;
        }
    }

    async fn seen(&mut self, name: &str, wanted: &Value) -> Outcome {
        let wanted = wanted.as_array().unwrap();
        let end = Instant::now() + DEADLINE;
        let got = loop {
            self.take_items();
            let log = self.logs.entry(name.to_owned()).or_default();
            if log.len() >= wanted.len() || Instant::now() > end {
                break std::mem::take(log);
            }
            tokio::time::sleep(TICK).await;
        };
        if got.len() == wanted.len()
            && wanted
                .iter()
                .zip(&got)
                .all(|(wanted, got)| self.matches(wanted, got))
        {
            return Ok(());
        }
        Err(format!("it was told {}", json!(got)))
    }

    /// What an application would do all the time.
    fn take_items(&mut self) {
        for (name, subscription) in &mut self.subscriptions {
            while let Some(Some(item)) = subscription.next().now_or_never() {
                self.logs.entry(name.clone()).or_default().push(told(&item));
            }
        }
    }

    async fn stale(&mut self, name: &str, wanted: bool) -> Outcome {
        let end = Instant::now() + DEADLINE;
        while self.subscriptions[name].is_stale() != wanted {
            if Instant::now() > end {
                return Err("it is otherwise".to_owned());
            }
            tokio::time::sleep(TICK).await;
        }
        Ok(())
    }

    async fn states(&mut self, wanted: &Value) -> Outcome {
        let wanted: Vec<String> = serde_json::from_value(wanted.clone()).unwrap();
        let mut watched = self.client()?.state();
        let end = Instant::now() + DEADLINE;
        loop {
            let got = self.states.lock().clone();
            let same = |(wanted, got): (&String, &String)| {
                let got = if wanted.contains(':') {
                    got
                } else {
                    got.split(':').next().unwrap()
                };
                wanted == got
            };
            if got.len() == wanted.len() && wanted.iter().zip(&got).all(same) {
                return Ok(());
            }
            if tokio::time::timeout_at(end, watched.changed())
                .await
                .is_err()
            {
                return Err(format!("they are {got:?}"));
            }
        }
    }

    async fn result(&mut self, name: &str, step: &Value) -> Outcome {
        let call = self.calls.remove(name).ok_or("no such call")?;
        let result = timeout(DEADLINE, call)
            .await
            .map_err(|_| "no answer")?
            .unwrap();
        let got = match result {
            Ok(answer) => json!({"is": {"status": answer.status, "body": answer.body}}),
            Err(AskError::Lost) => json!({"error": "lost"}),
            Err(AskError::TimedOut) => json!({"error": "timeout"}),
            Err(AskError::Closed) => json!({"error": "closed"}),
            Err(AskError::Refused(code, _)) => {
                json!({"error": format!("refused:{}", code.as_str())})
            }
            Err(AskError::TooMany) => json!({"error": "too many"}),
        };
        let mut wanted = step.clone();
        wanted.as_object_mut().unwrap().remove("result");
        if self.matches(&wanted, &got) {
            return Ok(());
        }
        Err(format!("it is {got}"))
    }
}

async fn ask(client: Arc<Client>, step: Value) -> Result<Answer, AskError> {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let body = step.get("body").cloned();
    let key = step["key"].as_str().map(str::to_owned);
    match text("do") {
        "call" => {
            let call = client.call(text("method"), text("path"), body, key);
            let limit = step["timeout_ms"].as_u64().unwrap_or(30_000);
            let done = timeout(Duration::from_millis(limit), call).await;
            done.unwrap_or(Err(AskError::TimedOut))
        }
        "publish" => {
            let topic = Topic::new(text("topic")).unwrap();
            client
                .publish(Publish::json(topic, step["value"].clone()))
                .await
        }
        "command" => {
            let arguments = step.get("arguments").cloned();
            client
                .command(text("device"), text("name"), arguments)
                .await
        }
        _ => client.acknowledge(text("case"), step["why"].as_str()).await,
    }
}

fn note_credit(session: &Session, frame: &Value) {
    if frame["t"] == "credit" {
        session.book.lock().given += frame["bytes"].as_u64().unwrap();
    }
}

fn is_skipped(frame: &Value) -> bool {
    ["ping", "stats", "credit"]
        .iter()
        .any(|it| frame["t"] == *it)
}
