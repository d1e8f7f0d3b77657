//! `spica pair`: how the two nodes stand, and orders to them.

mod restart;
mod steps;
mod upgrade;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::device::cell;
use crate::api::Api;
use crate::cli::{Hub, Pair};
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, or the node refuses.
pub(crate) async fn run(command: Pair) -> Result<()> {
    match command {
        Pair::Status { hub, json } => status(&hub, json).await,
        Pair::SwitchOver { hub } => order(&hub, "switch-over", &json!({})).await,
        Pair::Rejoin { hub } => {
            one(&hub)?;
            order(&hub, "rejoin", &json!({})).await
        }
        Pair::Promote { hub, i_know } => {
            one(&hub)?;
            ensure!(
                i_know,
                "a promoted node serves without what only its partner holds. Look at `spica pair \
                 status` first; then say --i-know"
            );
            order(&hub, "promote", &json!({ "i_know": true })).await
        }
        Pair::Upgrade(upgrade) => upgrade::run(upgrade).await,
    }
}

/// An order that is about one node must not go to whichever answers.
fn one(hub: &Hub) -> Result<()> {
    ensure!(
        hub.servers.len() == 1,
        "this is about one node: name it with one --server"
    );
    Ok(())
}

async fn order(hub: &Hub, order: &str, body: &Value) -> Result<()> {
    let standing = Api::new(hub)?.post(&["pair", order], body).await?;
    let [side, state, phase, epoch] =
        ["side", "state", "phase", "epoch"].map(|key| cell(&standing, key));
    if phase == "leaving" {
        out::line(format_args!(
            "done: the {side} has handed over and begins again"
        ));
    } else {
        out::line(format_args!("done: the {side} is {state}, epoch {epoch}"));
    }
    Ok(())
}

/// What a node says about itself, or why it says nothing.
struct Seen {
    server: String,
    standing: Result<Value>,
}

async fn status(hub: &Hub, json: bool) -> Result<()> {
    let mut nodes = Vec::with_capacity(hub.servers.len());
    for server in &hub.servers {
        let alone = Hub {
            servers: vec![server.clone()],
            token: hub.token.clone(),
        };
        let standing = Api::new(&alone)?.get(&["pair"], &[]).await;
        let server = server.clone();
        nodes.push(Seen { server, standing });
    }
    if json {
        out::json(&nodes.iter().map(Seen::json).collect::<Vec<_>>())?;
    } else {
        show(&nodes);
    }
    judge(nodes)
}

impl Seen {
    fn json(&self) -> Value {
        match &self.standing {
            Ok(standing) => json!({ "server": self.server, "pair": standing }),
            Err(error) => json!({ "server": self.server, "error": format!("{error:#}") }),
        }
    }

    fn cell(&self, pointer: &str) -> String {
        let found = self.standing.as_ref().ok();
        let found = found.and_then(|standing| standing.pointer(pointer));
        match found {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(true)) => "yes".to_owned(),
            Some(Value::Bool(false)) => "no".to_owned(),
            Some(other) => other.to_string(),
        }
    }

    fn serves(&self) -> bool {
        self.cell("/serves") == "yes"
    }
}

/// Rows of the table: what they are called, and where they stand in the answer.
const ROWS: [(&str, &str); 14] = [
    ("side", "/side"),
    ("version", "/version"),
    ("state", "/state"),
    ("phase", "/phase"),
    ("serves", "/serves"),
    ("acknowledges", "/gate"),
    ("epoch", "/epoch"),
    ("complete up to epoch", "/authority"),
    ("passive's records", "/sync"),
    ("passive lacks", "/behind"),
    ("journal sound", "/sound"),
    ("partner alive", "/partner/alive"),
    ("partner is", "/partner/state"),
    ("partner heard, ms ago", "/partner/heard_ms"),
];

fn show(nodes: &[Seen]) {
    let servers = nodes.iter().map(|node| &*node.server);
    let header: Vec<&str> = std::iter::once("").chain(servers).collect();
    let row = |(name, pointer): &(&str, &str)| {
        let cells = nodes.iter().map(|node| node.cell(pointer));
        std::iter::once((*name).to_owned()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = ROWS.iter().map(row).collect();
    out::table(&header, &rows);
    for node in nodes {
        let notices = node
            .standing
            .as_ref()
            .ok()
            .and_then(|s| s["notices"].as_array());
        for notice in notices.into_iter().flatten() {
            let notice = notice.as_str().unwrap_or_default();
            out::line(format_args!("{}: {notice}", node.server));
        }
    }
}

/// Whether that is how a pair should stand, for scripts.
fn judge(nodes: Vec<Seen>) -> Result<()> {
    let (serving, count) = (
        nodes.iter().filter(|node| node.serves()).count(),
        nodes.len(),
    );
    for node in nodes {
        node.standing.context(node.server)?;
    }
    match (serving, count) {
        (1, _) | (0, 1) => Ok(()),
        (0, _) => {
            bail!("no node serves: one will when a client asks for it and its partner is gone")
        }
        (_, _) => bail!("{serving} nodes serve: are they of one pair?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(serves: bool) -> Seen {
        Seen {
            server: "http://a".into(),
            standing: Ok(json!({ "serves": serves, "epoch": 7, "partner": { "state": null } })),
        }
    }

    #[test]
    fn a_pair_stands_well_when_one_node_serves() {
        assert!(judge(vec![node(true), node(false)]).is_ok());
        assert!(
            judge(vec![node(false)]).is_ok(),
            "the other one was not asked"
        );
        assert!(judge(vec![node(false), node(false)]).is_err());
        assert!(judge(vec![node(true), node(true)]).is_err());
        let gone = Seen {
            server: "http://b".into(),
            standing: Err(anyhow::anyhow!("nobody")),
        };
        assert_eq!(gone.cell("/epoch"), "-");
        let error = judge(vec![node(true), gone]).unwrap_err();
        assert_eq!(format!("{error:#}"), "http://b: nobody");
    }

    #[test]
    fn cells_are_for_people() {
        let node = node(true);
        let cells = ["/serves", "/epoch", "/partner/state", "/phase"].map(|at| node.cell(at));
        assert_eq!(cells, ["yes", "7", "-", "-"]);
    }
}
