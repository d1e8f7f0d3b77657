//! `bench ingest --via http`: POST /v1/topics of a node in another process, one request in flight on
//! each connection.
//!
//! The generator writes fixed bytes and looks only for the status and the end of an answer: a full
//! HTTP client would take more of the two cores than the node.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use spica_fixture::Hub;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::{Latencies, Usage};
use crate::ingest::{Load, Report};

/// Longest answer that is understood.
const ANSWER_BYTES_MAX: usize = 4_096;

/// Runs the load against `hub`.
///
/// # Errors
/// If the node refuses a record or goes away.
pub async fn run(hub: &Hub, load: Load) -> Result<Report> {
    let address = hub.addresses().http;
    let request = request(address, &hub.token()?, load);
    drive(address, &request, load.in_flight, load.duration / 10).await?;
    let before = (Usage::own(), Usage::of(hub.pid())?);
    let begun = Instant::now();
    let latencies = drive(address, &request, load.in_flight, load.duration).await?;
    let elapsed = begun.elapsed();
    let after = (Usage::own(), Usage::of(hub.pid())?);
    let cpu_s = after.0.cpu_s - before.0.cpu_s + after.1.cpu_s - before.1.cpu_s;
    Ok(Report::new(
        "http",
        load,
        latencies,
        elapsed,
        cpu_s,
        after.1.rss_bytes,
    ))
}

fn request(address: SocketAddr, token: &str, load: Load) -> Vec<u8> {
    let path = format!(
        "/v1/topics/root/bench/ingest?kind=event&class={}",
        load.lane
    );
    let size = load.size;
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/octet-stream\r\ncontent-length: {size}\r\n\r\n"
    )
    .into_bytes();
    request.extend((0..size).map(|n| (n % 251) as u8));
    request
}

async fn drive(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    duration: Duration,
) -> Result<Latencies> {
    let end = Instant::now() + duration;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(client(address, request.to_vec(), end));
    }
    let mut all = Latencies::default();
    while let Some(client) = clients.join_next().await {
        all.extend(client??);
    }
    Ok(all)
}

async fn client(address: SocketAddr, request: Vec<u8>, end: Instant) -> Result<Latencies> {
    let mut stream = TcpStream::connect(address)
        .await
        .context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut latencies = Latencies::default();
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    while Instant::now() < end {
        let begun = Instant::now();
        stream.write_all(&request).await?;
        answer(&mut stream, &mut buffer).await?;
        latencies.add(begun.elapsed());
    }
    Ok(latencies)
}

/// Reads one answer and checks that it says 201.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut have = 0;
    loop {
        let got = stream.read(&mut buffer[have..]).await?;
        ensure!(got > 0, "the node closed the connection");
        have += got;
        if let Some(length) = answer_length(&buffer[..have])? {
            ensure!(length == have, "more bytes than one answer");
            ensure!(
                buffer.starts_with(b"HTTP/1.1 201"),
                "refused: {}",
                text(&buffer[..have])
            );
            return Ok(());
        }
        ensure!(
            have < buffer.len(),
            "an answer of more than {ANSWER_BYTES_MAX} bytes"
        );
    }
}

/// The length of the answer with its head, once the head is there and the whole has arrived.
pub(crate) fn answer_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let lines = text(&bytes[..head]);
    let length = lines.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let Some(length) = length else {
        bail!("an answer without a length: {lines}")
    };
    let whole = head + 4 + length;
    Ok((bytes.len() >= whole).then_some(whole))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
