//! What a look-up costs: `cargo run --release -p spica-matcher --example match_cost`. Prints JSON.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for people who measure, which needs the time"
)]

use std::hint::black_box;
use std::time::Instant;

use spica_matcher::Matcher;

/// Nanoseconds of one look-up, and how many groups it finds.
fn cost(matcher: &Matcher, topic: &str) -> (f64, usize) {
    let found = matcher.matches(topic).len();
    let mut rounds = 1_u32;
    loop {
        let begin = Instant::now();
        for _ in 0..rounds {
            black_box(matcher.matches(black_box(topic)));
        }
        let took = begin.elapsed();
        if took.as_millis() >= 200 {
            return (took.as_secs_f64() * 1e9 / f64::from(rounds), found);
        }
        rounds *= 2;
    }
}

fn say(case: &str, matcher: &Matcher, topic: &str, last: bool) {
    let (ns, found) = cost(matcher, topic);
    let end = if last { "" } else { "," };
    let width = matcher.width();
    println!(
        "  {{\"case\": \"{case}\", \"width\": {width}, \"found\": {found}, \"ns\": {ns:.0}}}{end}"
    );
}

/// Usual filters of so many devices: their own, by kind, and everything.
fn usual(devices: u32) -> Matcher {
    let mut matcher = Matcher::default();
    for device in 0..devices {
        matcher.add(&format!("plant/{device}/commands"), device);
        matcher.add(&format!("plant/{device}/+/set"), device);
    }
    for (group, filter) in ["#", "plant/+/status", "plant/+/data/#", "+/+/alarm"]
        .into_iter()
        .enumerate()
    {
        matcher.add(filter, devices + group as u32);
    }
    matcher
}

/// Combinations of `a` and `+` over 512 levels, as many as the width allows.
fn bomb(width: usize) -> Matcher {
    let mut matcher = Matcher::default();
    let mut group = 0_u32;
    loop {
        let mut mask = group.wrapping_mul(0x9E37_79B9);
        let level = |_| {
            mask = mask.rotate_left(1);
            if mask & 1 == 1 { "+" } else { "a" }
        };
        let filter = (0..512).map(level).collect::<Vec<_>>().join("/");
        if matcher.width_with(&filter) > width {
            return matcher;
        }
        matcher.add(&filter, group);
        group += 1;
    }
}

fn main() {
    println!("[");
    let matcher = usual(100_000);
    say("usual, a status", &matcher, "plant/4711/status", false);
    say("usual, a command", &matcher, "plant/4711/commands", false);
    say("usual, nothing but #", &matcher, "other/topic", false);
    let deep = vec!["a"; 512].join("/");
    say("usual, 512 levels", &matcher, &deep, false);
    let mut one = Matcher::default();
    one.add(&vec!["+"; 512].join("/"), 1);
    say("512 times +", &one, &deep, false);
    for width in [4_096, 16_384, 65_536] {
        let last = width == 65_536;
        say("bomb, 512 levels", &bomb(width), &deep, last);
    }
    println!("]");
}
