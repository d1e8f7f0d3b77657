//! The packets that are small: acknowledgements, subscriptions, the end.

use super::is_plain;
use super::properties::{Written, section};
use crate::allowed::{AUTHENTICATED, DISCONNECTED, SUBSCRIBED, UNSUBSCRIBED};
use crate::write::{Sink, text};
use crate::{
    Ack, Auth, AuthProperties, Disconnect, DisconnectProperties, EncodeError, Reason, SubAck,
    Subscribe, Unsubscribe, Version, check_filter, split_share,
};

fn wrong<T>(what: &'static str) -> Result<T, EncodeError> {
    Err(EncodeError::Contradiction(what))
}

fn check_reason(reason: Reason, allowed: &[Reason]) -> Written {
    if allowed.contains(&reason) {
        Ok(())
    } else {
        wrong("a reason that this packet does not have")
    }
}

pub(super) fn ack(
    ack: &Ack<'_>,
    allowed: &[Reason],
    version: Version,
    sink: &mut impl Sink,
) -> Written {
    sink.short(ack.packet_id.get());
    if !version.is_v5() {
        return Ok(());
    }
    check_reason(ack.reason, allowed)?;
    let plain = is_plain(&ack.properties);
    if !plain || ack.reason != Reason::Success {
        sink.byte(ack.reason.code());
    }
    match plain {
        true => Ok(()),
        false => section(sink, &ack.properties),
    }
}

fn put_filter<S: Sink>(filter: &str, sink: &mut S) -> Written {
    if S::COUNTS && check_filter(filter).is_err() {
        return wrong("a filter that is not well formed");
    }
    text(sink, filter)
}

pub(super) fn subscribe(
    subscribe: &Subscribe<'_>,
    version: Version,
    sink: &mut impl Sink,
) -> Written {
    sink.short(subscribe.packet_id.get());
    if version.is_v5() {
        section(sink, &subscribe.properties)?;
    }
    let mut is_empty = true;
    for (filter, options) in subscribe.filters.iter() {
        is_empty = false;
        put_filter(filter, sink)?;
        if !version.is_v5() {
            sink.byte(options.qos as u8);
            continue;
        }
        if options.no_local && split_share(filter).is_some() {
            return wrong("no-local on a shared subscription");
        }
        sink.byte(options.byte());
    }
    match is_empty {
        true => wrong("a SUBSCRIBE without a filter"),
        false => Ok(()),
    }
}

pub(super) fn unsubscribe(
    unsubscribe: &Unsubscribe<'_>,
    version: Version,
    sink: &mut impl Sink,
) -> Written {
    sink.short(unsubscribe.packet_id.get());
    if version.is_v5() {
        section(sink, &unsubscribe.user)?;
    }
    let mut is_empty = true;
    for filter in unsubscribe.filters.iter() {
        is_empty = false;
        put_filter(filter, sink)?;
    }
    match is_empty {
        true => wrong("an UNSUBSCRIBE without a filter"),
        false => Ok(()),
    }
}

pub(super) fn suback(suback: &SubAck<'_>, version: Version, sink: &mut impl Sink) -> Written {
    if version.is_v5() {
        return answer(suback, SUBSCRIBED, sink);
    }
    sink.short(suback.packet_id.get());
    if suback.reasons.is_empty() {
        return wrong("an answer without a reason");
    }
    for reason in suback.reasons.iter() {
        check_reason(reason, SUBSCRIBED)?;
        // There is one failure only.
        let reason = match reason.is_failure() {
            true => Reason::UnspecifiedError,
            false => reason,
        };
        sink.byte(reason.code());
    }
    Ok(())
}

pub(super) fn unsuback(unsuback: &SubAck<'_>, version: Version, sink: &mut impl Sink) -> Written {
    if version.is_v5() {
        return answer(unsuback, UNSUBSCRIBED, sink);
    }
    sink.short(unsuback.packet_id.get());
    Ok(())
}

fn answer(answer: &SubAck<'_>, allowed: &[Reason], sink: &mut impl Sink) -> Written {
    sink.short(answer.packet_id.get());
    section(sink, &answer.properties)?;
    if answer.reasons.is_empty() {
        return wrong("an answer without a reason");
    }
    for reason in answer.reasons.iter() {
        check_reason(reason, allowed)?;
        sink.byte(reason.code());
    }
    Ok(())
}

pub(super) fn disconnect(
    disconnect: &Disconnect<'_>,
    version: Version,
    sink: &mut impl Sink,
) -> Written {
    if !version.is_v5() {
        return Ok(());
    }
    check_reason(disconnect.reason, DISCONNECTED)?;
    let plain = disconnect.properties == DisconnectProperties::default();
    if plain && disconnect.reason == Reason::Success {
        return Ok(());
    }
    sink.byte(disconnect.reason.code());
    match plain {
        true => Ok(()),
        false => section(sink, &disconnect.properties),
    }
}

pub(super) fn auth(auth: &Auth<'_>, version: Version, sink: &mut impl Sink) -> Written {
    if !version.is_v5() {
        let packet = "AUTH";
        return Err(EncodeError::NotInVersion { version, packet });
    }
    check_reason(auth.reason, AUTHENTICATED)?;
    if auth.reason == Reason::Success && auth.properties == AuthProperties::default() {
        return Ok(());
    }
    if auth.properties.method.is_none() {
        return wrong("an AUTH without a method");
    }
    sink.byte(auth.reason.code());
    section(sink, &auth.properties)
}
