//! What subscriptions take and cost: `cargo run --release -p spica-mqtt-routes --example million`.
//! Prints JSON. Memory is what the process has more than before, as Linux says.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program for people who measure, which needs the time"
)]

use std::hint::black_box;
use std::time::Instant;

use spica_mqtt_routes::{Limits, Options, Routes, Shares};

const SUBSCRIPTIONS: u32 = 1_000_000;
const LOOK_UPS: u32 = 1_000_000;

/// The filter of a session.
type Filter = fn(u32) -> String;

/// Bytes of memory that the process has in use.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

fn filled(filter: impl Fn(u32) -> String) -> (Routes, serde_json::Value) {
    let mut routes = Routes::new(Limits::default(), Shares::default());
    let before = resident();
    let begin = Instant::now();
    let options = Options {
        qos: 1,
        ..Options::default()
    };
    for session in 0..SUBSCRIPTIONS {
        routes
            .subscribe(session, &filter(session), &options)
            .unwrap();
    }
    let took = begin.elapsed();
    let figures = serde_json::json!({
        "bytes_per_subscription": (resident() - before) / u64::from(SUBSCRIPTIONS),
        "subscribe_ns": ns(took, SUBSCRIPTIONS),
    });
    (routes, figures)
}

fn ns(took: std::time::Duration, times: u32) -> u64 {
    u64::try_from(took.as_nanos()).unwrap() / u64::from(times)
}

fn look_up(routes: &Routes, topics: u32) -> u64 {
    let topics: Vec<String> = (0..topics)
        .map(|n| format!("plant/devices/{n}/commands"))
        .collect();
    let begin = Instant::now();
    let mut times = 0;
    while times < LOOK_UPS {
        for topic in &topics {
            black_box(routes.targets(black_box(topic)));
            times += 1;
        }
    }
    ns(begin.elapsed(), times)
}

const CASES: [(&str, Filter); 3] = [
    ("own_topic", |n| format!("plant/devices/{n}/commands")),
    ("own_wildcard", |n| format!("plant/devices/{n}/#")),
    ("one_filter", |_| "plant/news/#".to_owned()),
];

fn measure(filter: Filter) -> serde_json::Value {
    let (mut routes, mut figures) = filled(filter);
    figures["targets_hit_ns"] = look_up(&routes, 1_000).into();
    figures["targets_miss_ns"] = look_up(&routes, SUBSCRIPTIONS).into();
    let begin = Instant::now();
    let list = routes.targets("plant/news/today");
    figures["first_list_us"] = (ns(begin.elapsed(), 1) / 1_000).into();
    figures["first_list_targets"] = list.targets().len().into();
    let begin = Instant::now();
    for session in 0..SUBSCRIPTIONS {
        routes.remove(session);
    }
    figures["remove_ns"] = ns(begin.elapsed(), SUBSCRIPTIONS).into();
    figures
}

/// Each case in a process of its own: memory that one gives back would hide what the next takes.
fn main() {
    if let Some(case) = std::env::args().nth(1) {
        let (_, filter) = CASES.iter().find(|(name, _)| *name == case).unwrap();
        println!("{}", measure(*filter));
        return;
    }
    let own = std::env::current_exe().unwrap();
    let mut all = serde_json::Map::new();
    for (name, _) in CASES {
        let output = std::process::Command::new(&own).arg(name).output().unwrap();
        let figures = serde_json::from_slice(&output.stdout).unwrap();
        all.insert(name.to_owned(), figures);
    }
    println!("{}", serde_json::to_string_pretty(&all).unwrap());
}
