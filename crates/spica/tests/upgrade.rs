//! `spica pair upgrade` of two nodes of the real binary, while clients write.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use spica_fixture::{Pair, Plan, Side, Traffic, audit};
use tokio::time::sleep;

/// Generous times: what is proved here must not depend on how busy the machine is.
const SLOW: &str = "pair.heartbeat = \"50ms\"\npair.dead_after = \"600ms\"";
/// Small segments: each start reads them.
const SMALL: &str = "journal.normal.segment_bytes = \"1MiB\"\njournal.critical.segment_bytes = \
                     \"1MiB\"";
/// Between two looks at another process's files.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
const SIDES: [Side; 2] = [Side::Primary, Side::Backup];

async fn pair(dir: &Path) -> Pair {
    let plan = Plan::new(env!("CARGO_BIN_EXE_spica"), dir)
        .config(SLOW)
        .config(SMALL);
    plan.start().await.unwrap()
}

/// A file by which the command asks for a node's restart.
fn wish(dir: &Path, side: Side) -> PathBuf {
    dir.join(format!("restart the {side}"))
}

/// Where a node's HTTP interface is, as its partner knows it.
async fn server(pair: &Pair, side: Side) -> String {
    let partner = pair.standing(side.other()).await.unwrap();
    partner["partner"]["http"].as_str().unwrap().to_owned()
}

/// Commands that ask for a restart and do not wait for it, as `systemctl --no-block restart` does:
/// who is asked at once may still answer as it was.
fn wishes(dir: &Path) -> [String; 2] {
    SIDES.map(|side| format!("touch '{}'", wish(dir, side).display()))
}

/// `spica pair upgrade` with these commands, that of the primary first.
async fn upgrade(pair: &Pair, commands: &[String; 2]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spica"));
    command.args(["pair", "upgrade"]);
    command.env("SPICA_TOKEN", pair.token().unwrap());
    for (side, restart) in SIDES.into_iter().zip(commands) {
        let server = server(pair, side).await;
        let restart = format!("{side}={restart}");
        command.args(["--server", &server, "--restart", &restart]);
    }
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Restarts nodes when they are wished for, as a service manager would, until the upgrade ends.
async fn manage(pair: &mut Pair, dir: &Path, mut upgrade: Child) -> (Output, Vec<Side>) {
    let mut restarted = Vec::new();
    while upgrade.try_wait().unwrap().is_none() {
        for side in SIDES {
            if std::fs::remove_file(wish(dir, side)).is_ok() {
                assert_eq!(pair.stop(side).unwrap(), Some(0));
                pair.start(side).unwrap();
                restarted.push(side);
            }
        }
        sleep(LOOK_AGAIN).await;
    }
    (upgrade.wait_with_output().unwrap(), restarted)
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}

/// Ends both nodes and compares their books with the clients'.
async fn settle(pair: &mut Pair, load: Traffic) {
    let acked = load.finish().await.unwrap();
    // What was on its way when the clients stopped is on both, too.
    pair.flush().await.unwrap();
    pair.kill(Side::Backup).unwrap();
    pair.kill(Side::Primary).unwrap();
    let audit = audit(pair, &acked).unwrap();
    let none: &[(String, Side)] = &[];
    assert_eq!(audit.lost, none, "acknowledged and missing");
    assert_eq!(audit.duplicated, none, "there more than once");
    assert_eq!(audit.differ, [], "the journals differ");
    assert!(audit.keyed >= acked.len() && !acked.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_nodes_are_restarted_while_clients_write_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = pair(dir.path()).await;
    let mut load = Traffic::start(&pair.pirate().unwrap(), "upgrade", 4, Some(200));
    load.goes_on(50).await.unwrap();
    let mut command = upgrade(&pair, &wishes(dir.path())).await;
    let upgrade = command.arg("--yes").spawn().unwrap();
    let (output, restarted) = manage(&mut pair, dir.path(), upgrade).await;
    let said = text(&output);
    assert!(output.status.success(), "{said}\n{}", pair.logs());
    assert_eq!(restarted, [Side::Backup, Side::Primary], "{said}");
    let version = env!("CARGO_PKG_VERSION");
    let mut rest = &*said;
    for step in [
        "the primary serves, the backup is complete",
        "restarting the backup: touch",
        "the backup is back and complete",
        "the primary hands over to the backup",
        "the backup serves, the primary is complete",
        "restarting the primary: touch",
        "the primary is back and complete",
        &format!("the primary: {version} before, {version} now"),
        &format!("the backup: {version} before, {version} now"),
    ] {
        let at = rest.find(step);
        assert!(at.is_some(), "{step:?} is not said, or too early:\n{said}");
        rest = &rest[at.unwrap()..];
    }
    assert_eq!(pair.complete().await.unwrap(), Side::Backup);
    load.goes_on(50).await.unwrap();
    settle(&mut pair, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_does_not_come_back_stops_it_and_the_other_one_serves_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = pair(dir.path()).await;
    let mut load = Traffic::start(&pair.pirate().unwrap(), "stopped", 2, Some(200));
    let [primary, _] = wishes(dir.path());
    // The new program does not run.
    let kill = format!("kill -9 {}", pair.hub(Side::Backup).unwrap().pid());
    let mut command = upgrade(&pair, &[primary, kill]).await;
    let command = command.args(["--yes", "--timeout", "3s"]);
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the backup does not answer"), "{said}");
    assert!(
        said.contains("start it with the program that it had"),
        "{said}"
    );
    assert!(!wish(dir.path(), Side::Primary).exists(), "{said}");
    load.goes_on(50).await.unwrap();
    pair.kill(Side::Backup).unwrap();
    pair.start(Side::Backup).unwrap();
    assert_eq!(pair.complete().await.unwrap(), Side::Primary);
    settle(&mut pair, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_upgrade_ends_its_command_and_leaves_a_pair() {
    let dir = tempfile::tempdir().unwrap();
    let pair = pair(dir.path()).await;
    let wish = wish(dir.path(), Side::Backup);
    let endless = format!("touch '{}'; exec sleep 600", wish.display());
    let mut command = upgrade(&pair, &["false".to_owned(), endless]).await;
    command.arg("--yes");
    let upgrade = command.spawn().unwrap();
    while !wish.exists() {
        sleep(LOOK_AGAIN).await;
    }
    kill_process(Pid::from_child(&upgrade), Signal::INT).unwrap();
    // It would not end before what it has started, which has its output.
    let output = upgrade.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Nothing needs to be cleaned up"), "{said}");
    assert_eq!(pair.complete().await.unwrap(), Side::Primary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_where_it_must_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = pair(dir.path()).await;
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(SIDES.iter().all(|side| !wish(dir.path(), *side).exists()));
        text(&output)
    };
    let said = run(&mut upgrade(&pair, &wishes(dir.path())).await);
    assert!(said.contains("say --yes"), "{said}");
    let third = server(&pair, Side::Primary).await;
    for (more, why) in [
        (["--restart", "backup=true"], "given twice"),
        (["--server", &third], "about both nodes"),
        (["--token", "nobody's"], "wants a valid token"),
    ] {
        let mut command = upgrade(&pair, &wishes(dir.path())).await;
        let said = run(command.arg("--yes").args(more));
        assert!(said.contains(why), "{said}");
    }
    let mut command = upgrade(&pair, &wishes(dir.path())).await;
    pair.kill(Side::Backup).unwrap();
    let said = run(command.arg("--yes"));
    assert!(said.contains("does not say how it stands"), "{said}");
}
