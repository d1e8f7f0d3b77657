//! `spica watch`: see what is, and what changes.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use spica_client::{Client, Content, Item, Settings, State, Value, Way};
use spica_clock::{Clock as _, SystemClock};
use spica_live_proto::{ClientFrame, Deliver, Encoding, Subscribe, WindowSpec, decode_client};
use spica_model::{Timestamp, TopicFilter};

use crate::cli::Watch;
use crate::out;

/// When a person is told that nobody answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// Watches until it is interrupted, has seen enough, or the subscription ends.
///
/// # Errors
/// If the node refuses the token or the subscription.
pub(crate) async fn run(args: Watch) -> Result<()> {
    let wanted = wanted(&args)?;
    let mut settings = Settings::new(args.hub.servers.clone(), args.hub.token.clone());
    "spica watch".clone_into(&mut settings.name);
    let client = Client::observed(settings, note_state)?;
    let subscribed = client.subscribe(wanted).await;
    let mut subscription = subscribed.context("the client ended at once")?;
    let mut state = client.state();
    let late = tokio::time::sleep(PATIENCE);
    tokio::pin!(late);
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        tokio::select! {
            item = subscription.next() => {
                let item = item.ok_or_else(|| closed(&state.borrow()))?;
                left -= u64::from(matches!(item, Item::Value(_)));
                show(&item, args.json)?;
            }
            () = &mut late, if *state.borrow_and_update() == State::Connecting && !late.is_elapsed() => {
                out::note("no node answers yet (is `spica serve` running? see --server)");
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for the interruption")?;
                break;
            }
        }
    }
    client.close().await;
    Ok(())
}

fn wanted(args: &Watch) -> Result<Subscribe> {
    let filter = TopicFilter::new(args.filter.as_str())
        .with_context(|| format!("{:?} is no topic filter", args.filter))?;
    let mut wanted = spica_client::wanted(filter);
    wanted.snapshot = !args.from_now;
    wanted.limits.bytes_per_s = args.bytes_per_s;
    if args.each {
        wanted.deliver = Deliver::Each;
    }
    wanted.window = args.window.as_deref().map(window).transpose()?;
    Ok(wanted)
}

/// Reads `mean,max:periodic:1000:/a/b`, by the words of the wire.
fn window(text: &str) -> Result<WindowSpec> {
    let mut parts = text.splitn(4, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (ops, kind, size, field) = (part(), part(), part(), part());
    let key = match kind {
        "periodic" => "ms",
        "monotonic" => "every",
        _ => "size",
    };
    let size: u64 = size.parse().with_context(|| {
        format!("{text:?} is no window; such is mean:periodic:1000 or min,max:sliding:10:/field")
    })?;
    let ops: Vec<&str> = ops.split(',').collect();
    let frame = json!({
        "t": "subscribe", "sub": 1, "filter": "#",
        "window": {"kind": kind, key: size, "ops": ops, "field": field},
    });
    match decode_client(Encoding::Json, frame.to_string().as_bytes()) {
        Ok(ClientFrame::Subscribe(frame)) => frame.window.context("no window"),
        Ok(_) => Err(anyhow!("no window")),
        Err(error) => Err(anyhow!("{text:?} is no window: {error}")),
    }
}

fn note_state(state: &State) {
    match state {
        State::Connecting => {}
        State::Open(Way::WebSocket) => out::note("connected"),
        State::Open(Way::Events) => out::note("connected, by server-sent events"),
        State::Open(Way::Poll) => out::note("connected, by long-poll"),
        State::Lost(why) => out::note(format_args!(
            "connection lost ({why}): what was shown may be out of date; trying again"
        )),
        State::Closed(_) => {}
    }
}

fn closed(state: &State) -> anyhow::Error {
    match state {
        State::Closed("unauthorized") => {
            anyhow!("the node wants a valid token (--token or SPICA_TOKEN)")
        }
        _ => anyhow!("the session has ended"),
    }
}

fn show(item: &Item, as_json: bool) -> Result<()> {
    match item {
        Item::Refused { code, detail } => bail!("refused ({}): {detail}", code.as_str()),
        Item::Ended { code, detail } => bail!("ended ({}): {detail}", code.as_str()),
        _ if as_json => out::json(&in_json(item))?,
        Item::Value(value) => out::line(line(value, SystemClock.wall())),
        Item::Ready(_) => out::note("that is what is; changes follow"),
        Item::Reset => out::note("all of it comes anew"),
        Item::Gap {
            lane,
            from,
            to,
            reason,
        } => out::note(format_args!(
            "not shown: records {} to {} of the {lane} lane ({}); `spica` history may have them",
            from.0,
            to.0,
            reason.as_str()
        )),
    }
    Ok(())
}

/// Age, quality, topic, value.
fn line(value: &Value, now: Timestamp) -> String {
    let age = now.since(value.received);
    let age = match age.as_secs() {
        0..60 => format!("{:.1} s", age.as_secs_f64()),
        secs @ 60..7_200 => format!("{} min", secs / 60),
        secs @ 7_200..172_800 => format!("{} h", secs / 3_600),
        secs => format!("{} d", secs / 86_400),
    };
    let content = match &value.content {
        Content::Deleted => "deleted".to_owned(),
        content => match plain(value, content) {
            Json::String(text) => text,
            other => other.to_string(),
        },
    };
    format!(
        "{age:>8}  {:<9}  {}  {content}",
        value.quality.as_str(),
        value.topic.as_str()
    )
}

fn in_json(item: &Item) -> Json {
    match item {
        Item::Value(value) => value_json(value),
        Item::Gap {
            lane,
            from,
            to,
            reason,
        } => json!({ "gap": {
            "lane": lane.to_string(), "from": from.0, "to": to.0, "reason": reason.as_str(),
        }}),
        Item::Ready(at) => json!({ "ready": at.to_string() }),
        _ => json!({ "reset": true }),
    }
}

fn value_json(value: &Value) -> Json {
    let at = value.position;
    let mut row = json!({
        "topic": value.topic.as_str(),
        "position": format!("{}/{}/{}", at.epoch.0, at.lane, at.seq.0),
        "received": value.received.to_string(),
        "source": value.source.map(|it| it.to_string()),
        "quality": value.quality.as_str(),
        "kind": value.kind.as_str(),
    });
    match &value.content {
        Content::Deleted => row["deleted"] = true.into(),
        content @ Content::Window { from, to, .. } => {
            row["results"] = plain(value, content);
            row["from"] = from.to_string().into();
            row["to"] = to.to_string().into();
        }
        content @ Content::Payload { content_type, .. } => {
            row["content_type"] = content_type.as_str().into();
            row["value"] = plain(value, content);
        }
    }
    row
}

/// JSON and text as they are, bytes in base64.
fn plain(value: &Value, content: &Content) -> Json {
    match content {
        Content::Deleted => Json::Null,
        Content::Window { results, .. } => {
            let results = results.iter();
            results
                .map(|(op, it)| (op.as_str().to_owned(), json!(it)))
                .collect()
        }
        Content::Payload {
            content_type,
            bytes,
        } => {
            let known = value
                .json()
                .and_then(|json| serde_json::from_str(json.get()).ok());
            known.unwrap_or_else(|| match std::str::from_utf8(bytes) {
                Ok(text) if content_type.as_str().starts_with("text/") => text.into(),
                _ => STANDARD.encode(bytes).into(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_live_proto::{WindowKind, WindowOp};

    #[test]
    fn a_window_is_operations_kind_size_and_field() {
        let read = window("mean,max:periodic:1000").unwrap();
        assert_eq!(read.kind, WindowKind::Periodic(1_000));
        assert_eq!(read.ops, [WindowOp::Mean, WindowOp::Max]);
        assert_eq!(read.field, "");
        let read = window("last:sliding:10:/a/b").unwrap();
        assert_eq!((read.kind, &*read.field), (WindowKind::Sliding(10), "/a/b"));
        for bad in [
            "",
            "mean",
            "mean:periodic",
            "mean:sometimes:3",
            "median:sliding:3",
        ] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
