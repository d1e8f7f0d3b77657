//! `spica pair upgrade`: looks at both nodes and does what [`steps`](super::steps) says.
//!
//! Nothing is rolled back, and nothing is kept anywhere: whatever stops it, one node serves, and a
//! second run begins at the beginning.

use std::io::{self, BufRead, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use spica_clock::{Clock, SystemClock};
use spica_trust::Side;
use tokio::time::{sleep, timeout};

use super::restart;
use super::steps::{Both, Next, Reached, Seen, Upgrade};
use crate::api::Api;
use crate::cli::{Hub, Upgrade as Args};
use crate::out;

/// Pause between two looks at the nodes.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a node may take to say how it stands.
const ANSWER: Duration = Duration::from_secs(5);

const SIDES: [Side; 2] = [Side::Primary, Side::Backup];

/// The two nodes and how each is restarted.
struct Pair {
    primary: Node,
    backup: Node,
}

struct Node {
    api: Api,
    command: String,
}

/// Runs the command.
///
/// # Errors
/// If it goes no further: the error says how the pair stands and what to do.
pub(super) async fn run(args: Args) -> Result<()> {
    let pair = Pair::open(&args).await?;
    let both = pair.look().await;
    if !args.yes {
        ask(&args)?;
    }
    let before = SIDES.map(|side| version(&both, side));
    tokio::select! {
        done = go(&pair, &args, both) => done?,
        _ = tokio::signal::ctrl_c() => bail!(
            "interrupted. Nothing needs to be cleaned up. If a node was being restarted, see that it \
             runs; when `spica pair status` shows a complete pair, run the upgrade again"
        ),
    }
    let both = pair.look().await;
    for (side, before) in SIDES.into_iter().zip(before) {
        say(format_args!(
            "the {side}: {before} before, {} now",
            version(&both, side)
        ));
    }
    Ok(())
}

/// Carries out step after step.
async fn go(pair: &Pair, args: &Args, mut both: Both) -> Result<()> {
    let mut upgrade = Upgrade::new(args.first);
    let mut begun = now();
    loop {
        match upgrade.next(&both)? {
            Next::Say(reached) => {
                say_reached(reached, now().duration_since(begun));
                if let Reached::Fit(active) = reached {
                    pair.may_order(active).await?;
                }
                begun = now();
            }
            Next::Wait(lack) if now().duration_since(begun) > args.timeout => {
                return Err(upgrade.overdue(lack).into());
            }
            Next::Wait(_) => {
                sleep(LOOK_AGAIN).await;
                both = pair.look().await;
            }
            Next::SwitchOver(side) => {
                begun = now();
                pair.switch_over(side).await?;
                both = pair.look().await;
            }
            Next::Restart(side) => {
                begun = now();
                pair.restart(side, args.timeout).await?;
                both = pair.look().await;
            }
            Next::Done => return Ok(()),
        }
    }
}

impl Pair {
    /// Finds out which server is which side.
    async fn open(args: &Args) -> Result<Self> {
        let [one, other] = args.hub.servers.as_slice() else {
            bail!("an upgrade is about both nodes: name each with a --server, at its own address");
        };
        let (one, other) = (open(&args.hub, one).await?, open(&args.hub, other).await?);
        let (primary, backup) = match (one, other) {
            ((Side::Primary, primary), (Side::Backup, backup))
            | ((Side::Backup, backup), (Side::Primary, primary)) => (primary, backup),
            ((side, _), _) => bail!("both servers say that they are the {side} of a pair"),
        };
        let node = |side, api| {
            let mut commands = args.restart.iter().filter(|restart| restart.side == side);
            let command = commands.next().map(|restart| restart.command.clone());
            ensure!(
                commands.next().is_none(),
                "--restart {side}=… is given twice"
            );
            let command = command.with_context(|| {
                format!("say how the {side} is restarted: --restart '{side}=COMMAND'")
            })?;
            Ok(Node { api, command })
        };
        Ok(Self {
            primary: node(Side::Primary, primary)?,
            backup: node(Side::Backup, backup)?,
        })
    }

    const fn node(&self, side: Side) -> &Node {
        match side {
            Side::Primary => &self.primary,
            Side::Backup => &self.backup,
        }
    }

    async fn look(&self) -> Both {
        let (primary, backup) = tokio::join!(seen(&self.primary.api), seen(&self.backup.api));
        let said = |outcome: Result<Seen>| outcome.map_err(|error| format!("{error:#}"));
        Both {
            primary: said(primary),
            backup: said(backup),
        }
    }

    /// Asks for something that only admins get: better refused now than half way.
    async fn may_order(&self, active: Side) -> Result<()> {
        let tokens: Result<Value> = self.node(active).api.get(&["tokens"], &[]).await;
        tokens.context("orders to a pair need an admin's token. Nothing was done")?;
        Ok(())
    }

    async fn switch_over(&self, from: Side) -> Result<()> {
        let to = from.other();
        say(format_args!("the {from} hands over to the {to}"));
        let nothing = json!({});
        let order = self.node(from).api.post(&["pair", "switch-over"], &nothing);
        order.await.with_context(|| {
            format!(
                "the {from} was not made to hand over, and was not restarted. See `spica pair \
                 status`; when the pair is complete, run the upgrade again"
            )
        })?;
        Ok(())
    }

    async fn restart(&self, side: Side, limit: Duration) -> Result<()> {
        let (command, other) = (&self.node(side).command, side.other());
        say(format_args!("restarting the {side}: {command}"));
        restart::run(command, limit).await.with_context(|| {
            format!(
                "the {side} may not have been restarted; the {other} serves. See that the {side} \
                 runs; when `spica pair status` shows a complete pair, run the upgrade again"
            )
        })
    }
}

/// A client of one node, and which side that is.
async fn open(hub: &Hub, server: &str) -> Result<(Side, Api)> {
    let api = Api::new(&Hub {
        servers: vec![server.to_owned()],
        token: hub.token.clone(),
    })?;
    let seen = seen(&api).await;
    let seen = seen.with_context(|| format!("{server} does not say how it stands"))?;
    Ok((seen.side.parse()?, api))
}

async fn seen(api: &Api) -> Result<Seen> {
    timeout(ANSWER, api.get(&["pair"], &[]))
        .await
        .map_err(|_| anyhow!("no answer within {ANSWER:?}"))?
}

fn version(both: &Both, side: Side) -> String {
    let seen = match side {
        Side::Primary => &both.primary,
        Side::Backup => &both.backup,
    };
    let version = seen.as_ref().ok().and_then(|seen| seen.version.clone());
    version.unwrap_or_else(|| "an unknown version".to_owned())
}

/// Asks whoever is at the terminal.
fn ask(args: &Args) -> Result<()> {
    let stdin = io::stdin();
    ensure!(
        stdin.is_terminal(),
        "this restarts both nodes of the pair, one after the other: say --yes"
    );
    for restart in &args.restart {
        out::note(format_args!("the {}: {}", restart.side, restart.command));
    }
    out::note("Restart both nodes by these commands, one after the other? [y/N]");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    ensure!(
        matches!(answer.trim(), "y" | "Y" | "yes"),
        "nothing was done"
    );
    Ok(())
}

fn say_reached(reached: Reached, took: Duration) {
    let took = took.as_secs_f64();
    match reached {
        Reached::Fit(active) => say(format_args!(
            "the {active} serves, the {} is complete",
            active.other()
        )),
        Reached::Serves(active) => say(format_args!(
            "the {active} serves, the {} is complete ({took:.1} s)",
            active.other()
        )),
        Reached::Back(side) => say(format_args!(
            "the {side} is back and complete ({took:.1} s)"
        )),
    }
}

/// Prints a line with the time of day.
fn say(text: impl std::fmt::Display) {
    let time = SystemClock.wall().to_string();
    out::line(format_args!("{time:.19}Z  {text}"));
}

fn now() -> Instant {
    SystemClock.monotonic()
}
