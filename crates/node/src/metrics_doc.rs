//! `docs/metrics.md`: every metric of a node, from what a running node shows.

use std::path::Path;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use spica_role::Standing;
use spica_role::scripted::Scripted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::{Access, Addresses, Node};

/// The document's head.
const HEAD: &str = "# Metrics\n\n\
`GET /metrics` in the OpenMetrics text format. Counters end in `_total`; histograms have `_bucket`, \
`_sum` and `_count`. Labels have few values: lanes, routes, reasons, never a device. A metric with \
labels shows once it has counted something; `spica_pair_…` are those of a node that is one of a pair.\n\n\
This page is generated; `UPDATE_DOCS=1 cargo test -p spica-node` writes it.\n\n\
| metric | type | what it says |\n|---|---|---|\n";

/// What a node shows as a Markdown page, in the order of the names.
fn markdown(shown: &str) -> String {
    let kinds = lines(shown, "# TYPE ");
    let mut helps = lines(shown, "# HELP ");
    helps.sort_unstable();
    let rows = helps.into_iter().map(|(name, help)| {
        let kind = kinds
            .iter()
            .find(|(of, _)| *of == name)
            .map_or("", |(_, kind)| *kind);
        format!("| `{name}` | {kind} | {} |\n", help.trim_end_matches('.'))
    });
    std::iter::once(HEAD.to_owned()).chain(rows).collect()
}

/// Name and rest of each line that begins with `prefix`.
fn lines<'a>(text: &'a str, prefix: &str) -> Vec<(&'a str, &'a str)> {
    text.lines()
        .filter_map(|line| line.strip_prefix(prefix)?.split_once(' '))
        .collect()
}

/// What a node of a pair shows beside.
fn of_a_pair() -> String {
    let role = Scripted::default();
    role.stand(Standing {
        side: "primary",
        state: "active",
        phase: "settled",
        epoch: spica_model::Epoch::FIRST,
        authority: spica_model::Epoch::FIRST,
        gate: "pair",
        sync: "complete",
        behind: 0,
        partner_alive: true,
        partner_state: None,
        partner_http: None,
        partner_heard_ms: None,
        sound: true,
        notices: Vec::new(),
    });
    let mut registry = Registry::with_prefix("spica");
    spica_http::PairCollector::register(Arc::new(role), &mut registry);
    spica_link_pair::Metrics::default().register(&mut registry);
    let mut shown = String::new();
    prometheus_client::encoding::text::encode(&mut shown, &registry).unwrap();
    shown
}

async fn ask(addresses: &Addresses, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(addresses.http).await.unwrap();
    let (host, length) = (addresses.http, body.len());
    let request = format!(
        "{head} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nidempotency-key: once\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_page_has_every_metric_of_a_node() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.node.data_dir = dir.path().to_str().unwrap().parse().unwrap();
    config.http.listen.set_port(0);
    config.identicom.listen.set_port(0);
    config.mqtt = Some(spica_station_mqtt::Settings {
        listen: Some(([127, 0, 0, 1], 0).into()),
        ..Default::default()
    });
    let node = Node::start(config, Access::Open).await.unwrap();
    let addresses = node.addresses().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(node.run(async { stopped.await.unwrap() }));

    for _ in 0..2 {
        let answer = ask(&addresses, "POST /v1/topics/root/metrics", "1").await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }
    ask(&addresses, "GET /nowhere", "").await;
    let shown = ask(&addresses, "GET /metrics", "").await;
    let page = markdown(&(shown + of_a_pair().as_str()));
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();

    assert!(page.lines().count() > 60, "{page}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == page,
        "docs/metrics.md is out of date: run with UPDATE_DOCS=1"
    );
}
