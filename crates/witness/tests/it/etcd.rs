//! The witness in etcd, with the real server.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spica_model::Epoch;
use spica_pair::witness::Answer;
use spica_witness::{LookError, Witness, contract};
use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::{client, hasty, open, patient};

struct Etcd {
    process: Option<Process>,
    directory: TempDir,
    port: u16,
}

impl Etcd {
    async fn start() -> Self {
        let mut etcd = Self {
            process: None,
            directory: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        etcd.restart().await;
        etcd
    }

    async fn restart(&mut self) {
        self.process = None;
        let clients = format!("http://127.0.0.1:{}", self.port);
        let peers = format!("http://127.0.0.1:{}", free_port());
        let directory = self.directory.path().display().to_string();
        let args = [
            ("--data-dir", directory.as_str()),
            ("--listen-client-urls", &clients),
            ("--advertise-client-urls", &clients),
            ("--listen-peer-urls", &peers),
            ("--initial-advertise-peer-urls", &peers),
            ("--initial-cluster", &format!("default={peers}")),
        ];
        let args: Vec<_> = args
            .iter()
            .flat_map(|(name, value)| [*name, *value])
            .collect();
        let args: Vec<_> = args.into_iter().map(ToOwned::to_owned).collect();
        let started = Process::start("etcd", "etcd-server", &args, self.port);
        self.process = Some(started.await);
    }

    fn url(&self) -> String {
        format!("etcd://127.0.0.1:{}/spica/witness", self.port)
    }

    fn witness(&self) -> Arc<dyn Witness> {
        open(&patient(&self.url()))
    }

    async fn call(&self, method: &str, body: Value) {
        let url = format!("http://127.0.0.1:{}/v3/{method}", self.port);
        let sent = client().post(url).json(&body).send().await;
        let answer = sent.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let server = Etcd::start().await;
    let (one, other) = (server.witness(), server.witness());
    contract::answers_by_the_rule(&*one, "root").await;
    contract::remembers(&*one, &*other, "root").await;
    contract::only_one_of_two_wins(one, other, "root", 200).await;
}

#[tokio::test]
async fn it_is_unreachable_while_the_server_is_gone_and_remembers_when_it_is_back() {
    let mut server = Etcd::start().await;
    let patient = server.witness();
    let hasty = open(&hasty(&server.url()));
    let question = contract::question(4, 3);
    assert_eq!(patient.ask("root/s1", question).await, Answer::Granted);
    server.process.as_ref().unwrap().pause();
    contract::is_unreachable(&*hasty, "root/s1").await;
    server.process.as_ref().unwrap().resume();
    server.process = None;
    contract::is_unreachable(&*hasty, "root/s1").await;
    server.restart().await;
    // It listens before its log is read, and says that it is not ready until then.
    let again = loop {
        match patient.ask("root/s1", contract::question(5, 3)).await {
            Answer::Unreachable => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    let recorded = Epoch(4);
    assert_eq!(again, Answer::Refused { recorded });
}

#[tokio::test]
async fn a_server_of_several_is_enough() {
    let server = Etcd::start().await;
    let dead = free_port();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unheard = silent.local_addr().unwrap().port();
    let hosts = format!(
        "127.0.0.1:{dead},127.0.0.1:{unheard},127.0.0.1:{}",
        server.port
    );
    let mut settings = patient(&format!("etcd://{hosts}/spica/witness"));
    settings.timeout = "3s".parse().unwrap();
    let witness = open(&settings);
    let question = contract::question(4, 3);
    // One that is silent may take the time of a question; the next one begins behind it.
    let answers = [
        witness.ask("root/s1", question).await,
        witness.ask("root/s1", question).await,
    ];
    assert!(answers.contains(&Answer::Granted), "{answers:?}");
    drop(silent);
}

#[tokio::test]
async fn damage_grants_nothing_and_a_deleted_key_is_forgotten() {
    let server = Etcd::start().await;
    let witness = server.witness();
    witness.ask("root/s1", contract::question(2, 1)).await;
    let key = STANDARD.encode("spica/witness/root.s1");
    let value = STANDARD.encode("{\"epoch\":1}");
    server
        .call("kv/put", json!({ "key": key, "value": value }))
        .await;
    contract::grants_nothing_when_damaged(&*witness, "root/s1").await;
    server.call("kv/deleterange", json!({ "key": key })).await;
    let asked = witness.ask("root/s1", contract::question(2, 1)).await;
    assert_eq!(asked, Answer::Granted);
}

#[tokio::test]
async fn users_and_passwords_are_checked() {
    let server = Etcd::start().await;
    let user = json!({ "name": "root", "password": "sesame" });
    server.call("auth/user/add", user).await;
    server
        .call("auth/role/add", json!({ "name": "root" }))
        .await;
    let grant = json!({ "user": "root", "role": "root" });
    server.call("auth/user/grant", grant).await;
    server.call("auth/enable", json!({})).await;
    let mut settings = patient(&server.url());
    let error = open(&settings).recorded("root/s1").await.unwrap_err();
    assert!(matches!(error, LookError::Denied(_)), "{error:?}");
    settings.user = Some("root".to_owned());
    settings.token = Some("wrong".parse().unwrap());
    let error = open(&settings).recorded("root/s1").await.unwrap_err();
    assert!(matches!(error, LookError::Denied(_)), "{error:?}");
    settings.token = Some("sesame".parse().unwrap());
    let witness = open(&settings);
    let asked = witness.ask("root/s1", contract::question(2, 1)).await;
    assert_eq!(asked, Answer::Granted);
}
