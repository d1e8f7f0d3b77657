//! Runs the operator's command that restarts a node.

use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use spica_clock::{Clock, SystemClock};
use tokio::time::sleep;

/// Pause between two looks at the command.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A command that is not left behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `command` in the shell, with this program's input and output, until it ends well.
///
/// # Errors
/// If it cannot be run, fails, or takes longer than `limit`; it is ended then.
pub(super) async fn run(command: &str, limit: Duration) -> Result<()> {
    let child = Command::new("sh").arg("-c").arg(command).spawn();
    let mut running = Running(child.context("cannot run `sh`")?);
    let begun = SystemClock.monotonic();
    while SystemClock.monotonic().duration_since(begun) < limit {
        if let Some(status) = running.0.try_wait()? {
            return judge(status);
        }
        sleep(LOOK_AGAIN).await;
    }
    bail!("the command has not ended within {limit:?}")
}

fn judge(status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "the command failed: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_succeeds_fails_or_is_ended() {
        let long = Duration::from_secs(60);
        assert!(run("true", long).await.is_ok());
        let error = run("exit 3", long).await.unwrap_err().to_string();
        assert!(error.contains('3'), "{error}");
        let error = run("exec sleep 600", Duration::from_millis(1)).await;
        assert!(error.unwrap_err().to_string().contains("not ended"));
    }
}
