//! Servers that others wrote, as processes of their own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

/// A server that is killed, by its pid, when this is dropped.
pub(crate) struct Process {
    child: Child,
}

/// A port of the loopback that nobody has right now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Process {
    /// Starts `program` of the Debian package `package`, and waits until it listens on `port`.
    pub(crate) async fn start(program: &str, package: &str, args: &[String], port: u16) -> Self {
        let mut command = Command::new(find(program, package));
        let child = command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = Self {
            child: child.spawn().unwrap(),
        };
        process
            .listens(SocketAddr::from(([127, 0, 0, 1], port)))
            .await;
        process
    }

    async fn listens(&mut self, address: SocketAddr) {
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                let ended = self.child.try_wait().unwrap();
                assert!(ended.is_none(), "it ended instead of listening: {ended:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let listening = tokio::time::timeout(Duration::from_secs(60), listening).await;
        listening.expect("it does not listen");
    }

    /// Stops it in its tracks: it stays connected and says nothing.
    pub(crate) fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    pub(crate) fn resume(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is: by `PATH`, or where Debian puts servers.
fn find(program: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut files = directories.map(|directory| directory.join(program));
    files.find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("{program} is missing: `apt-get install {package}` (the check script does)")
    })
}
