//! Seeing to it that each post has a thread that works.

use std::sync::Arc;
use std::time::Instant;

use spica_handler::State;

use crate::backoff;
use crate::post::{End, Inner, Post};
use crate::worker;

/// Most threads of one post that hang before no other is begun.
const ABANDONED_MAX: usize = 8;

/// Sees to it that a post has a thread that works.
pub(super) fn tend(post: &Arc<Post>) {
    let now = post.base.clock.monotonic();
    let mut inner = post.inner.lock();
    inner.abandoned.retain(|thread| !thread.is_finished());
    let died = match (&inner.end, inner.call) {
        (Some(End::Crash(why)), _) => Some(format!("it has crashed: {why}")),
        (Some(End::Done), _) => return,
        (None, Some(call)) => {
            let time = now.saturating_duration_since(call.since);
            let hangs = time >= post.base.settings.hang_after.as_duration();
            hangs.then(|| format!("it hangs: one call has taken {} s", time.as_secs()))
        }
        (None, None) => None,
    };
    if let Some(why) = died {
        bury(post, &mut inner, now, &why);
    }
    let due = inner.deaths.restart_at.is_none_or(|at| at <= now);
    if inner.thread.is_none() && due && inner.abandoned.len() < ABANDONED_MAX {
        begin_shift(post, &mut inner);
    }
}

/// Ends a shift whose handler has crashed or hangs.
fn bury(post: &Post, inner: &mut Inner, now: Instant, why: &str) {
    tracing::error!(handler = post.crew.name, lane = %post.lane, "{why}; it is made anew");
    post.metrics.restarts.inc();
    post.metrics.show(State::Restarting);
    inner.shift += 1;
    inner.state = State::Restarting;
    inner.restarts += 1;
    inner.note_error(post.base.clock.wall(), why);
    inner.incident = Some((now, format!("on the {} lane {why}", post.lane)));
    let records = inner.call.take().and_then(|call| call.records);
    inner.deaths.note(records);
    if let Some(order) = inner.replaying.take() {
        order.tally.settle(false);
    }
    if let Some(thread) = inner.thread.take()
        && inner.end.is_none()
    {
        inner.abandoned.push(thread);
    }
    inner.end = None;
    let settings = &post.base.settings;
    let limits = [settings.retry_min, settings.retry_max].map(spica_settings::Span::as_duration);
    let pause = backoff::pause(inner.deaths.in_a_row, limits, inner.through.0);
    inner.deaths.restart_at = Some(now + pause);
}

fn begin_shift(post: &Arc<Post>, inner: &mut Inner) {
    let number = inner.shift;
    let shared = Arc::clone(post);
    let name = format!("h-{}", post.cursor);
    let thread = std::thread::Builder::new().name(name);
    match thread.spawn(move || worker::run(shared, number)) {
        Ok(thread) => inner.thread = Some(thread),
        Err(error) => inner.note_error(post.base.clock.wall(), &error.to_string()),
    }
}
