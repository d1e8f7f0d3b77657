//! An HTTP server that does what a test says.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// What a request said.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    Answer(u16),
    /// Nothing, until the server is let go.
    Hang,
}

type Script = Box<dyn Fn(&Request, &[Request]) -> Does + Send + Sync>;

struct Inner {
    script: Mutex<Script>,
    /// What came, in order, with what was done.
    seen: Mutex<Vec<(Request, u16)>>,
    hangs: Mutex<bool>,
    let_go: Condvar,
    connections: Mutex<usize>,
}

/// A server on a port of its own, as long as the process lives.
#[derive(Clone)]
pub(crate) struct Server {
    inner: Arc<Inner>,
    pub(crate) url: String,
}

impl Server {
    /// A server that does what `script` says of a request and of those before it.
    pub(crate) fn new(
        script: impl Fn(&Request, &[Request]) -> Does + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            script: Mutex::new(Box::new(script)),
            seen: Mutex::default(),
            hangs: Mutex::new(true),
            let_go: Condvar::new(),
            connections: Mutex::default(),
        });
        let served = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let inner = served.clone();
                *inner.connections.lock() += 1;
                std::thread::spawn(move || inner.serve(stream.unwrap()));
            }
        });
        Self { inner, url }
    }

    /// One that takes everything.
    pub(crate) fn friendly() -> Self {
        Self::new(|_, _| Does::Answer(200))
    }

    /// All that came, in order.
    pub(crate) fn seen(&self) -> Vec<Request> {
        let seen = self.inner.seen.lock();
        seen.iter().map(|(request, _)| request.clone()).collect()
    }

    /// The bodies of what was answered with 200, in order.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken_requests()
            .into_iter()
            .map(|it| it.body)
            .collect()
    }

    pub(crate) fn taken_requests(&self) -> Vec<Request> {
        let seen = self.inner.seen.lock();
        let taken = seen.iter().filter(|(_, status)| *status == 200);
        taken.map(|(request, _)| request.clone()).collect()
    }

    pub(crate) fn forget(&self) {
        self.inner.seen.lock().clear();
    }

    pub(crate) fn connections(&self) -> usize {
        *self.inner.connections.lock()
    }

    /// From now on it does this; what hangs is cut off.
    pub(crate) fn now(
        &self,
        script: impl Fn(&Request, &[Request]) -> Does + Send + Sync + 'static,
    ) {
        *self.inner.script.lock() = Box::new(script);
        *self.inner.hangs.lock() = false;
        self.inner.let_go.notify_all();
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream) {
            let before: Vec<_> = self.seen.lock().iter().map(|it| it.0.clone()).collect();
            let does = (self.script.lock())(&request, &before);
            let status = match does {
                Does::Answer(status) => status,
                Does::Hang => 0,
            };
            self.seen.lock().push((request, status));
            if status == 0 {
                let mut hangs = self.hangs.lock();
                self.let_go.wait_while(&mut hangs, |hangs| *hangs);
                return;
            }
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno");
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Request { headers, body })
}
