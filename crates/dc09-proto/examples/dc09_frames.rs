//! Prints frames for another implementation to read: one a line, a name, a tab and the frame without
//! its first and last byte.
//!
//! `dc09_frames <account> <key as a configuration writes it> <time, RFC 3339 in UTC>`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use spica_dc09_proto::payload::Qualifier;
use spica_dc09_proto::sender::{Config, EventId, Input, Now, Output, Path, Sender};
use spica_dc09_proto::{Account, Alarm, Codes, Event, Form, Key, Layout, Sequence, codes};
use spica_model::Timestamp;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [account, key, time] = &arguments[..] else {
        return Err("usage: dc09_frames <account> <key> <time>".into());
    };
    let (account, time) = (account.parse()?, time.parse()?);
    let key = Key::parse(&key.parse()?)?;
    for (kind, key) in [("plain", None), ("encrypted", Some(key))] {
        let null = frame(&account, key.clone(), Event::null(), time)?;
        println!("{kind} NULL\t{null}");
        for (layout, name) in layouts() {
            for (condition, _) in codes::BUILT_IN
                .into_iter()
                .chain([("other", codes::FALLBACK)])
            {
                for qualifier in [Qualifier::New, Qualifier::Restore] {
                    let event = alarm(condition, qualifier, time).event(
                        &Codes::default(),
                        layout,
                        &account,
                    );
                    let printed = frame(&account, key.clone(), event, time)?;
                    println!("{kind} {name} {condition} {qualifier:?}\t{printed}");
                }
            }
        }
    }
    Ok(())
}

/// With all fields for DC-03. Behind Contact ID the other implementation reads one field only.
fn layouts() -> [(Layout, &'static str); 2] {
    let sia = Layout {
        occurred: true,
        place: true,
        ..Layout::of(Form::Sia)
    };
    let contact_id = Layout {
        occurred: true,
        ..Layout::of(Form::ContactId)
    };
    [(sia, "SIA-DCS"), (contact_id, "ADM-CID")]
}

fn alarm(condition: &str, qualifier: Qualifier, occurred: Timestamp) -> Alarm {
    Alarm {
        condition: condition.to_owned(),
        qualifier,
        zone: None,
        area: 1,
        user: Some(4711),
        text: "Müller, tunnel north".to_owned(),
        occurred,
        place: Some((8.5417, 47.3769)),
    }
}

/// The event as a sender sends it first.
fn frame(
    account: &Account,
    key: Option<Key>,
    event: Event,
    wall: Timestamp,
) -> Result<String, Box<dyn Error>> {
    let config = Config {
        key,
        ..Config::new(account.clone())
    };
    let mut sender = Sender::new(config, Sequence::ZERO)?;
    let steady = std::time::Duration::ZERO;
    let now = Now { steady, wall };
    sender.push(EventId(1), event, true, None, now)?;
    let outputs = sender.handle(Input::Connected(Path::Main), now);
    let sent = outputs.into_iter().find_map(|output| match output {
        Output::Send { bytes, .. } => Some(bytes),
        _ => None,
    });
    Ok(String::from_utf8(sent.ok_or("nothing was sent")?)?
        .trim()
        .to_owned())
}
