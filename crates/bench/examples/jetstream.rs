//! What `spica bench pair` is compared with: JetStream on three nodes on this machine, R3, each
//! publish acknowledged; as many in flight, as large. It keeps its defaults, so it does not flush
//! before it acknowledges.
//!
//!     cargo run --release -p spica-bench --example jetstream -- 1024 128 500000
//!
//! Needs Debian's `nats-server`. Prints JSON.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use spica_bench::{Latencies, Usage};
use tokio::time::sleep;

const SUBJECT: &str = "bench";
const DEADLINE: Duration = Duration::from_secs(60);

/// A server, which is killed when this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended; either way it is gone afterwards.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (in_flight, size, messages) = (next(1_024)?, next(128)?, next(500_000)?);
    let dir = tempfile::tempdir()?;
    let ports: Vec<u16> = (0..6).map(|_| free_port()).collect::<Result<_>>()?;
    let servers: Vec<Server> = (0..3)
        .map(|n| start(dir.path(), n, &ports))
        .collect::<Result<_>>()?;
    let urls: Vec<String> = ports[..3]
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    let (client, replicated) = stream(&urls).await?;
    let latencies = publish(&replicated, in_flight, size, messages / 10).await?;
    drop(latencies);
    let before = cpu_s(&servers)?;
    let began = Instant::now();
    let latencies = publish(&replicated, in_flight, size, messages).await?;
    let took = began.elapsed().as_secs_f64();
    let cpu = cpu_s(&servers)? - before;
    let [p50, p99] = latencies.micros([0.5, 0.99]);
    drop(client);
    let report = serde_json::json!({
        "in_flight": in_flight,
        "size": size,
        "messages": messages,
        "msgs_per_s": (messages as f64 / took).round(),
        "ack_us_p50": p50,
        "ack_us_p99": p99,
        "cpu_s_per_million": (cpu * 1e7 / messages as f64).round() / 10.0,
    });
    println!("{report:#}");
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

fn start(dir: &Path, n: usize, ports: &[u16]) -> Result<Server> {
    let routes: Vec<String> = ports[3..]
        .iter()
        .map(|port| format!("nats://127.0.0.1:{port}"))
        .collect();
    let config = format!(
        "server_name: n{n}\nlisten: 127.0.0.1:{}\njetstream: {{ store_dir: {:?} }}\n\
         cluster: {{ name: bench, listen: 127.0.0.1:{}, routes: [{}] }}\n",
        ports[n],
        dir.join(format!("n{n}")),
        ports[3 + n],
        routes.join(", ")
    );
    let file = dir.join(format!("n{n}.conf"));
    std::fs::write(&file, config)?;
    // Debian puts it where only root's path looks.
    let program = ["/usr/sbin/nats-server", "/usr/bin/nats-server"];
    let program = program.into_iter().find(|path| Path::new(path).exists());
    let child = Command::new(program.context("nats-server is not installed")?)
        .arg("-c")
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Server(child))
}

/// The stream, once the three have elected who leads.
async fn stream(urls: &[String]) -> Result<(async_nats::Client, jetstream::Context)> {
    let began = Instant::now();
    loop {
        let made = async {
            let client = async_nats::connect(urls).await?;
            let context = jetstream::new(client.clone());
            let config = Config {
                name: SUBJECT.into(),
                subjects: vec![SUBJECT.into()],
                num_replicas: 3,
                ..Config::default()
            };
            context.create_stream(config).await?;
            anyhow::Ok((client, context))
        };
        match made.await {
            Ok(made) => return Ok(made),
            Err(error) => ensure!(
                began.elapsed() < DEADLINE,
                "no stream on three nodes: {error:#}"
            ),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn publish(
    context: &jetstream::Context,
    in_flight: usize,
    size: usize,
    messages: usize,
) -> Result<Latencies> {
    let (payload, left) = (
        Bytes::from(vec![b'x'; size]),
        Arc::new(AtomicUsize::new(messages)),
    );
    let workers: FuturesUnordered<_> = (0..in_flight)
        .map(|_| {
            let (context, payload, left) = (context.clone(), payload.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                let take = |n: usize| n.checked_sub(1);
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                    .is_ok()
                {
                    let began = Instant::now();
                    context.publish(SUBJECT, payload.clone()).await?.await?;
                    latencies.add(began.elapsed());
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let all: Vec<_> = workers.collect().await;
    let mut latencies = Latencies::with_capacity(messages);
    for worker in all {
        latencies.extend(worker??);
    }
    Ok(latencies)
}

/// Processor time of the servers and of this process.
fn cpu_s(servers: &[Server]) -> Result<f64> {
    let of_servers = servers.iter().map(|server| Usage::of(server.0.id()));
    let of_servers: f64 = of_servers
        .map(|usage| Ok(usage?.cpu_s))
        .sum::<std::io::Result<f64>>()?;
    Ok(of_servers + Usage::own().cpu_s)
}
