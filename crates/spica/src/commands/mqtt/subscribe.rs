//! `spica mqtt sub`.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use spica_mqtt_client::{
    Client, Inbox, Received, RetainHandling, Settings, State, SubscribeOptions,
};

use super::{connected, qos, secs, settings};
use crate::cli::MqttSub;
use crate::out;

/// Prints messages until it is interrupted, has seen enough, or the time is over.
///
/// # Errors
/// If the server is not reached or refuses a subscription, or fewer messages have come than wanted.
pub(super) async fn run(args: MqttSub) -> Result<()> {
    let session = args.session.map_or(0, secs);
    let (client, inbox) = Client::open(Settings {
        clean_start: session == 0,
        session_expiry_secs: session,
        ..settings(&args.broker)?
    });
    connected(&client, &args.broker).await?;
    subscribe(&client, &args).await?;
    let printed = print(&client, inbox, &args).await;
    client.close().await;
    printed
}

async fn subscribe(client: &Client, args: &MqttSub) -> Result<()> {
    let options = SubscribeOptions {
        qos: qos(args.qos),
        no_local: args.no_local,
        retain_as_published: args.retain_as_published,
        retain_handling: if args.no_retained {
            RetainHandling::DoNotSend
        } else {
            RetainHandling::Send
        },
    };
    let filters = args.topics.iter().map(|filter| (filter.clone(), options));
    let answers = client
        .subscribe(filters.collect(), args.subscription)
        .await?;
    let answers = args.topics.iter().zip(answers);
    for (filter, reason) in answers.clone() {
        ensure!(
            !reason.is_failure(),
            "the server refuses {filter:?}: {reason}"
        );
    }
    if args.json {
        let granted: serde_json::Map<_, _> = answers
            .map(|(filter, reason)| (filter.clone(), reason.code().into()))
            .collect();
        out::json(&json!({ "subscribed": granted }))?;
    }
    Ok(())
}

async fn print(client: &Client, mut inbox: Inbox, args: &MqttSub) -> Result<()> {
    let mut state = client.state();
    let over = tokio::time::sleep(args.duration.unwrap_or(Duration::MAX));
    tokio::pin!(over);
    let mut seen = 0;
    while args.count.is_none_or(|count| seen < count) {
        tokio::select! {
            received = inbox.next() => {
                let Some(received) = received else {
                    client.connected().await?;
                    bail!("the client has ended");
                };
                if args.no_retained && received.message.retain && !args.retain_as_published {
                    continue;
                }
                seen += 1;
                show(&received, args)?;
            }
            changed = state.changed() => {
                changed.context("the client has ended")?;
                if let State::Connecting(Some(error)) = &*state.borrow_and_update() {
                    out::note(format_args!("{error}; it is tried again"));
                }
            }
            () = &mut over => {
                if let Some(count) = args.count {
                    bail!("only {seen} of {count} messages have come in time");
                }
                break;
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for the interruption")?;
                break;
            }
        }
    }
    Ok(())
}

fn show(received: &Received, args: &MqttSub) -> Result<()> {
    let message = &received.message;
    if args.json {
        out::json(&in_json(received))?;
        return Ok(());
    }
    let payload = String::from_utf8_lossy(&message.payload);
    if args.verbose {
        out::line(format_args!("{} {payload}", message.topic));
    } else {
        out::line(payload);
    }
    Ok(())
}

/// A payload is text, or in base64 if it is none; what a message does not have is left out.
fn in_json(received: &Received) -> Json {
    let message = &received.message;
    let mut row = json!({
        "topic": message.topic, "qos": message.qos as u8, "retain": message.retain,
    });
    match std::str::from_utf8(&message.payload) {
        Ok(text) => row["payload"] = text.into(),
        Err(_) => row["payload_base64"] = STANDARD.encode(&message.payload).into(),
    }
    if received.dup {
        row["dup"] = true.into();
    }
    if !received.subscriptions.is_empty() {
        row["subscriptions"] = received.subscriptions.clone().into();
    }
    let properties = &message.properties;
    let texts = [
        ("content_type", &properties.content_type),
        ("response_topic", &properties.response_topic),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            row[name] = text.as_str().into();
        }
    }
    if let Some(correlation) = &properties.correlation {
        row["correlation_base64"] = STANDARD.encode(correlation).into();
    }
    if let Some(expiry) = properties.expiry {
        row["expiry_s"] = expiry.into();
    }
    if !properties.user.is_empty() {
        row["properties"] = json!(properties.user);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_mqtt_client::{Message, MessageProperties};

    #[test]
    fn a_message_is_shown_with_what_it_has() {
        let plain = Received {
            message: Message::new("a", "x"),
            dup: false,
            subscriptions: Vec::new(),
            receipt: None,
        };
        let expected = json!({"topic": "a", "qos": 1, "retain": false, "payload": "x"});
        assert_eq!(in_json(&plain), expected);
        let rich = Received {
            message: Message {
                properties: MessageProperties {
                    expiry: Some(9),
                    correlation: Some("c".into()),
                    user: vec![("n".into(), "v".into())],
                    content_type: Some("t".into()),
                    ..MessageProperties::default()
                },
                ..Message::new("a", vec![0xFF])
            },
            dup: true,
            subscriptions: vec![4],
            receipt: None,
        };
        let expected = json!({
            "topic": "a", "qos": 1, "retain": false, "payload_base64": "/w==", "dup": true,
            "subscriptions": [4], "content_type": "t", "correlation_base64": "Yw==",
            "expiry_s": 9, "properties": [["n", "v"]],
        });
        assert_eq!(in_json(&rich), expected);
    }
}
