//! A front whose station gives every byte back, behind a line that says who has come.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use spica_admission::{Admission, Limits};
use spica_clock::SystemClock;
use spica_front::{
    AdmissionCollector, Arrival, Front, FrontDeps, Listen, Metrics, Phase, Rules, TlsFiles,
    WebSocket, with_buffers,
};
use spica_role::Service;
use spica_role::scripted::Scripted;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of the longest frame that the tests' WebSockets take.
pub(crate) const FRAME_BYTES: usize = 200_000;

/// What `work` comes to, or a panic if it takes too long.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it takes too long")
}

/// A front and all it needs.
pub(crate) struct World {
    pub(crate) front: Option<Front>,
    pub(crate) role: Scripted,
    registry: Registry,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// One with other limits and rules than the defaults.
    pub(crate) fn with(change: impl FnOnce(&mut Limits, &mut Rules)) -> Self {
        let mut limits = Limits::default();
        let mut rules = Rules {
            balancers: Vec::new(),
            patience: PATIENCE,
            gone: "client-closed",
            greets_when_passive: false,
        };
        change(&mut limits, &mut rules);
        let role = Scripted::default();
        role.serve();
        let deps = FrontDeps {
            admission: Arc::new(Mutex::new(Admission::new(limits))),
            role: Arc::new(role.clone()),
            clock: Arc::new(SystemClock),
            metrics: Metrics::default(),
        };
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix("echo");
        deps.metrics.register(own);
        deps.metrics.register_web_sockets(own);
        AdmissionCollector::register(Arc::clone(&deps.admission), own);
        Self {
            front: Some(Front::new(deps, rules)),
            role,
            registry,
        }
    }

    pub(crate) fn front(&self) -> &Front {
        self.front.as_ref().unwrap()
    }

    /// Listens on a free port.
    pub(crate) fn listen(&self, tls: Option<TlsFiles>, is_web_socket: bool) -> SocketAddr {
        let listen = Listen {
            name: "echo",
            address: "127.0.0.1:0".parse().unwrap(),
            tls,
            web_socket: is_web_socket.then(|| WebSocket {
                path: "/echo".to_owned(),
                protocols: &["mqtt", "mqttv3.1"],
                frame_bytes: FRAME_BYTES,
            }),
        };
        self.front().listen(listen, echo).unwrap()
    }

    /// The value of a metric, by its line's beginning; 0 if it is not there.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// Waits until a metric has a value.
    pub(crate) async fn until(&self, line: &str, value: f64) {
        soon(async {
            while self.metric(line) != value {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// The station: says who has come, and gives everything back.
pub(crate) async fn echo(mut arrival: Arrival) {
    let certificate = arrival.client_certificate.take();
    let name = certificate.as_ref().map_or_else(
        || "nobody".to_owned(),
        |shown| format!("{:?} {:?} {:?}", shown.common_name, shown.dns, shown.uris),
    );
    let remote = arrival.connection.remote();
    let mut hello = format!("{} {remote} {name}\n", arrival.listener);
    if let Service::Elsewhere { active } = &arrival.service {
        hello = format!("go to {active:?}\n");
    }
    arrival.io.send(hello.as_bytes()).unwrap();
    arrival.connection.good();
    let end = give_back(&mut arrival).await;
    arrival.connection.count_end(end);
    arrival.io.close();
}

async fn give_back(arrival: &mut Arrival) -> &'static str {
    let Arrival { io, stopping, .. } = arrival;
    let ended = poll_fn(|cx| {
        loop {
            if let Poll::Ready(phase) = stopping.poll(cx) {
                return Poll::Ready(Ok(match phase {
                    Phase::Cut if stopping.is_deposed() => "passive",
                    Phase::Cut => "cut",
                    _ => "stopped",
                }));
            }
            if !io.is_sent() {
                ready!(io.poll_sent(cx))?;
            }
            ready!(io.poll_readable(cx))?;
            let is_over = with_buffers(|buffers| {
                let Some(read) = io.try_read(&mut buffers.input)? else {
                    return Ok(false);
                };
                io.send(&buffers.input[..read])?;
                io::Result::Ok(read == 0)
            })?;
            if is_over {
                return Poll::Ready(io::Result::Ok("client-closed"));
            }
        }
    });
    ended.await.unwrap_or("broken")
}

/// Dials in.
pub(crate) async fn dial(address: SocketAddr) -> TcpStream {
    soon(TcpStream::connect(address)).await.unwrap()
}

/// The line that says who has come, and the rest of the stream.
pub(crate) async fn hello<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> (String, BufReader<S>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    soon(reader.read_line(&mut line)).await.unwrap();
    (line.trim_end().to_owned(), reader)
}
