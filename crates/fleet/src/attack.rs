//! Connections that mean harm, or are simply not from a device.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::device::identity;
use crate::fleet::Run;
use crate::plan::attacker_source;
use crate::progress::{Open, count};
use crate::rng::Rng;
use crate::wire::{self, Decoder, kind};

/// How long an attacker stays if nobody sends it away.
const HOLD: Duration = Duration::from_secs(30);
/// Between the bytes of one that trickles.
const TRICKLE: Duration = Duration::from_secs(1);

/// What an attacker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// Random bytes.
    Garbage,
    /// An identity that breaks off.
    HalfFrame,
    /// A port scanner that takes the station for a web server.
    WebProbe,
    /// Says nothing at all.
    Silence,
    /// One byte a second.
    Trickle,
    /// Well-formed, but nobody knows the serial.
    Stranger,
    /// Frames with bad escapes.
    BadFrames,
    /// A frame without an end.
    Endless,
}

const ATTACKS: [Attack; 8] = [
    Attack::Garbage,
    Attack::HalfFrame,
    Attack::WebProbe,
    Attack::Silence,
    Attack::Trickle,
    Attack::Stranger,
    Attack::BadFrames,
    Attack::Endless,
];

/// Starts all attacks of the plan, evenly over its span, and waits for them or the run to end.
pub(crate) async fn all(run: Arc<Run>) {
    let planned = run.plan.trouble.hostile * run.plan.visits_expected() as f64;
    let planned = planned.round() as u64;
    let span = run.plan.span();
    let mut rng = Rng::part(run.plan.seed, 0);
    let mut attacks = JoinSet::new();
    for number in 0..planned {
        let due = run.began + span.mul_f64(number as f64 / planned as f64);
        let (attack, seed) = (ATTACKS[rng.below(8) as usize], rng.next());
        if run
            .over
            .run_until_cancelled(sleep_until(due))
            .await
            .is_none()
        {
            break;
        }
        let run = Arc::clone(&run);
        attacks.spawn(async move {
            run.over
                .run_until_cancelled(one(&run, number, attack, seed))
                .await
        });
        while attacks.try_join_next().is_some() {}
    }
    while attacks.join_next().await.is_some() {}
}

async fn one(run: &Run, number: u64, attack: Attack, seed: u64) {
    let _connection = run.connections.acquire().await;
    let connecting = run.connects.acquire().await;
    count(&run.counters.attacks);
    let source = attacker_source(number);
    let Ok(mut stream) = run.endpoints.connect(source, HOLD).await else {
        // Banned: that is as good as closed.
        return count(&run.counters.attacks_closed);
    };
    let _open = Open::new(&run.counters);
    drop(connecting);
    // What cannot be written any more was closed; reading says the same.
    let _ = mischief(&mut stream, attack, seed).await;
    match timeout(HOLD, served(&mut stream)).await {
        Ok(true) => count(&run.counters.attacks_served),
        Ok(false) => count(&run.counters.attacks_closed),
        Err(_) => {}
    }
}

/// Reads until the station closes; whether it ever asked for more than a name.
async fn served(stream: &mut TcpStream) -> bool {
    let mut decoder = Decoder::default();
    let mut bytes = [0; 256];
    let mut served = false;
    while let Ok(len @ 1..) = stream.read(&mut bytes).await {
        for &byte in &bytes[..len] {
            // Nonsense from the station is for honest devices to report.
            if let Ok(Some(frame)) = decoder.push(byte) {
                served |= frame.kind != kind::IDENTIFY;
            }
        }
    }
    served
}

async fn mischief(stream: &mut TcpStream, attack: Attack, seed: u64) -> std::io::Result<()> {
    let mut rng = Rng::new(seed);
    let mut stranger = Vec::new();
    let serial = format!("X{:09}", rng.below(1_000_000_000));
    wire::encode(kind::IDENTITY, &identity(&serial, "evil-1"), &mut stranger);
    let bytes = match attack {
        Attack::Garbage => {
            let len = rng.between(1, 4_000) as usize;
            rng.bytes(len)
        }
        Attack::HalfFrame => stranger[..rng.between(1, 18) as usize].to_vec(),
        Attack::WebProbe => b"GET / HTTP/1.1\r\nHost: scan\r\nUser-Agent: probe\r\n\r\n".to_vec(),
        Attack::Silence => Vec::new(),
        Attack::Trickle => return trickle(stream, &stranger).await,
        Attack::Stranger => stranger,
        Attack::BadFrames => [0x1e, 0x81, 0x1d, 0x00, 0x1e].repeat(4),
        Attack::Endless => [&[0x1e, 0x82][..], &[0x55; 8_000]].concat(),
    };
    stream.write_all(&bytes).await
}

async fn trickle(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes.chunks(1) {
        stream.write_all(byte).await?;
        sleep(TRICKLE).await;
    }
    Ok(())
}
