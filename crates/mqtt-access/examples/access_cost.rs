//! What checks cost: `cargo run --release -p spica-mqtt-access --example access_cost`. Prints JSON,
//! nanoseconds each.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program for people who measure, which needs the time"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use spica_mqtt_access::scram::{Client, ClientFirst, Credential, DEFAULT_ITERATIONS, Server};
use spica_mqtt_access::{
    Access, AccessSettings, Action, Cost, FlapRule, Flapping, FlappingRules, PasswordHash, Quotas,
    Who,
};

/// Says what one round costs.
fn say(name: &str, mut round: impl FnMut()) {
    let mut rounds = 1_u32;
    loop {
        let begin = Instant::now();
        (0..rounds).for_each(|_| round());
        let took = begin.elapsed();
        if took.as_millis() >= 100 {
            let ns = took.as_secs_f64() * 1e9 / f64::from(rounds);
            println!("  \"{name}\": {ns:.0},");
            return;
        }
        rounds *= 2;
    }
}

fn who<'a>(client: &'a str, user: Option<&'a str>, serial: Option<&'a str>) -> Who<'a> {
    Who {
        client,
        user,
        serial,
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
    }
}

fn rules() {
    let rule =
        |n| format!("{{ allow = [\"publish\", \"subscribe\"], filters = [\"area{n}/%u/#\"] }}");
    let list: Vec<_> = (0..20).map(rule).collect();
    let text = format!("[roles.many]\nrules = [{}]", list.join(","));
    let access = Access::parse(&text).unwrap();
    let person = who("client-7", Some("anna"), None);
    let device = who("client-7", None, Some("0012345"));
    let check = |role: &str, who: &Who<'_>, action, filter| {
        let grant = access.role(role).unwrap();
        assert!(grant.check(who, action, filter).is_ok());
        say(&format!("check, {role}, {filter}"), || {
            let _ = black_box(grant.check(who, action, black_box(filter)));
        });
    };
    check("operator", &person, Action::Publish, "plant/4711/status");
    check(
        "device",
        &device,
        Action::Publish,
        "devices/0012345/data/level",
    );
    check("many", &person, Action::Publish, "area0/anna/x");
    check("many", &person, Action::Publish, "area19/anna/x");
    check("many", &person, Action::Subscribe, "area19/anna/+/y");
}

fn topics() {
    let rule = |n| format!("[[topics]]\nfilter = \"plant/{n}/alarm/+\"\nlane = \"critical\"\n");
    let text: String = (0..100).map(rule).collect();
    let settings: AccessSettings = toml::from_str(&text).unwrap();
    let rules = settings.check().unwrap();
    say("topic rules, 100, a match", || {
        black_box(rules.of(black_box("plant/99/alarm/fire")));
    });
    say("topic rules, 100, none", || {
        black_box(rules.of(black_box("plant/99/status")));
    });
}

fn rates() {
    let text = "[quotas.client]\nmessages = { amount = 1000000000 }\n\
                bytes = { amount = 1000000000000 }\n[quotas.user]\n\
                messages = { amount = 1000000000 }\n[quotas.source]\n\
                connects = { amount = 1000000000 }\n";
    let settings: AccessSettings = toml::from_str(text).unwrap();
    let mut quotas = Quotas::new(settings.quotas.rules());
    let who = who("client-7", Some("anna"), None);
    let meters = quotas.open(Duration::ZERO, &who).unwrap();
    let begin = Instant::now();
    say("meters, a read of 8 messages", || {
        let _ = black_box(meters.spend(begin.elapsed(), 8, 1_024));
    });
    say("quotas, open and close", || {
        drop(black_box(quotas.open(begin.elapsed(), &who)));
    });
    let never = FlapRule {
        connects: u32::MAX,
        within: Duration::from_secs(60),
        ban: Duration::from_secs(60),
    };
    let mut flapping = Flapping::new(FlappingRules {
        client: Some(never),
        user: Some(never),
        source: Some(never),
        ..FlappingRules::default()
    });
    say("flapping, a connection", || {
        let _ = black_box(flapping.connected(begin.elapsed(), &who));
    });
}

fn passwords() {
    let stored = PasswordHash::new(b"pencil", &[7; 16], Cost::default()).unwrap();
    say("password, default cost", || {
        black_box(stored.is(b"pencil"));
    });
    let credential = Credential::new("pencil", &[7; 16], DEFAULT_ITERATIONS).unwrap();
    let (mut client, first) = Client::begin("user", "rOprNGfwEbeRWgbNEkqO").unwrap();
    let begin = || {
        let first = ClientFirst::parse(first.as_bytes()).unwrap();
        Server::begin(first, credential.clone(), "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap()
    };
    let proof = client.prove(begin().1.as_bytes(), "pencil").unwrap();
    say("scram, the server's half", || {
        assert!(begin().0.finish(proof.as_bytes()).is_ok());
    });
}

fn main() {
    println!("{{");
    rules();
    topics();
    rates();
    passwords();
    println!("  \"unit\": \"ns\"\n}}");
}
