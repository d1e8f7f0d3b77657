//! The witness in a NATS bucket, with the real server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use spica_model::Epoch;
use spica_pair::witness::Answer;
use spica_witness::{LookError, Witness, contract};
use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::{hasty, open, patient};

struct Nats {
    process: Option<Process>,
    directory: TempDir,
    port: u16,
    extra: Vec<String>,
}

impl Nats {
    async fn start(extra: &[&str]) -> Self {
        let mut nats = Self {
            process: None,
            directory: tempfile::tempdir().unwrap(),
            port: free_port(),
            extra: extra.iter().map(ToString::to_string).collect(),
        };
        nats.restart().await;
        nats
    }

    async fn restart(&mut self) {
        self.process = None;
        let mut args = arguments(self.port, self.directory.path());
        args.extend(self.extra.iter().cloned());
        let started = Process::start("nats-server", "nats-server", &args, self.port);
        self.process = Some(started.await);
    }

    fn url(&self, bucket: &str) -> String {
        format!("nats://127.0.0.1:{}/{bucket}", self.port)
    }

    fn witness(&self, bucket: &str) -> Arc<dyn Witness> {
        open(&patient(&self.url(bucket)))
    }

    async fn context(&self) -> jetstream::Context {
        let address = format!("127.0.0.1:{}", self.port);
        jetstream::new(async_nats::connect(address).await.unwrap())
    }
}

fn arguments(port: u16, directory: &Path) -> Vec<String> {
    let (port, directory) = (port.to_string(), directory.display().to_string());
    let args = ["-a", "127.0.0.1", "-p", &port, "-js", "-sd", &directory];
    args.map(ToOwned::to_owned).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let server = Nats::start(&[]).await;
    let (one, other) = (server.witness("spica"), server.witness("spica"));
    contract::answers_by_the_rule(&*one, "root").await;
    contract::remembers(&*one, &*other, "root").await;
    contract::only_one_of_two_wins(one, other, "root", 200).await;
}

#[tokio::test]
async fn it_is_unreachable_while_the_server_is_gone_and_remembers_when_it_is_back() {
    let mut server = Nats::start(&[]).await;
    let patient = server.witness("spica");
    let hasty = open(&hasty(&server.url("spica")));
    let question = contract::question(4, 3);
    assert_eq!(patient.ask("root/s1", question).await, Answer::Granted);
    // The first call also makes the connection, for which a slow machine may need longer.
    while hasty.recorded("root/s1").await.is_err() {}
    server.process.as_ref().unwrap().pause();
    contract::is_unreachable(&*hasty, "root/s1").await;
    server.process.as_ref().unwrap().resume();
    server.process = None;
    contract::is_unreachable(&*hasty, "root/s1").await;
    server.restart().await;
    let again = async {
        loop {
            match patient.ask("root/s1", contract::question(5, 3)).await {
                Answer::Unreachable => tokio::time::sleep(Duration::from_millis(20)).await,
                answer => break answer,
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(60), again).await;
    let recorded = Epoch(4);
    assert_eq!(again.unwrap(), Answer::Refused { recorded });
}

#[tokio::test]
async fn damage_grants_nothing_and_a_deleted_key_is_forgotten() {
    let server = Nats::start(&[]).await;
    let witness = server.witness("spica");
    witness.ask("root/s1", contract::question(2, 1)).await;
    let store = server.context().await.get_key_value("spica").await.unwrap();
    store.put("root.s1", "{\"epoch\":1}".into()).await.unwrap();
    contract::grants_nothing_when_damaged(&*witness, "root/s1").await;
    store.delete("root.s1").await.unwrap();
    assert_eq!(witness.recorded("root/s1").await.unwrap(), None);
    let asked = witness.ask("root/s1", contract::question(2, 1)).await;
    assert_eq!(asked, Answer::Granted);
}

#[tokio::test]
async fn a_bucket_that_forgets_is_unfit() {
    let server = Nats::start(&[]).await;
    let context = server.context().await;
    // As Debian's server takes them; the library's own way asks for what it does not know.
    let bucket = |name: &str| stream::Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        allow_direct: true,
        ..stream::Config::default()
    };
    let expires = stream::Config {
        max_age: Duration::from_secs(3_600),
        ..bucket("expires")
    };
    let memory = stream::Config {
        storage: stream::StorageType::Memory,
        ..bucket("memory")
    };
    let full = stream::Config {
        max_messages: 100,
        discard: stream::DiscardPolicy::Old,
        ..bucket("full")
    };
    for config in [expires, memory, full] {
        let bucket = config.name.trim_start_matches("KV_").to_owned();
        context.create_stream(config).await.unwrap();
        let witness = server.witness(&bucket);
        contract::is_unreachable(&*witness, "root/s1").await;
        let error = witness.recorded("root/s1").await.unwrap_err();
        assert!(matches!(error, LookError::Unfit(_)), "{error}");
    }
}

#[tokio::test]
async fn who_has_no_token_is_denied() {
    let server = Nats::start(&["--auth", "sesame"]).await;
    let mut settings = patient(&server.url("spica"));
    for wrong in [None, Some("wrong")] {
        settings.token = wrong.map(|token| token.parse().unwrap());
        let error = open(&settings).recorded("root/s1").await.unwrap_err();
        assert!(matches!(error, LookError::Denied(_)), "{error}");
    }
    settings.token = Some("sesame".parse().unwrap());
    assert_eq!(open(&settings).recorded("root/s1").await.unwrap(), None);
}
