//! A channel that does what a test says.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use spica_alerts::{Message, Outcome};

use crate::{Channel, Event, EventSink, Health, Path, Tally};

/// What a scripted channel does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Delivers it.
    Deliver,
    /// Asks for another attempt, not before so long if it says so.
    Retry(Option<Duration>),
    /// Refuses it.
    Refuse,
    /// Keeps it until [`ScriptedChannel::let_go`].
    Hang,
}

/// A channel that is told what to do, and tells what it was given. Clones are the same channel.
#[derive(Debug, Clone)]
pub struct ScriptedChannel {
    name: Arc<str>,
    tally: Arc<Tally>,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug)]
struct Script {
    replies: VecDeque<Reply>,
    otherwise: Reply,
    sent: Vec<Message>,
    /// How often whoever hung was let go.
    let_go: usize,
    events: Option<EventSink>,
    paths: Vec<Path>,
    wakers: Vec<Waker>,
}

impl ScriptedChannel {
    /// A channel that delivers everything until it is told otherwise.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let script = Script {
            replies: VecDeque::new(),
            otherwise: Reply::Deliver,
            sent: Vec::new(),
            let_go: 0,
            events: None,
            paths: Vec::new(),
            wakers: Vec::new(),
        };
        Self {
            name: name.into(),
            tally: Arc::default(),
            script: Arc::new(Mutex::new(script)),
        }
    }

    /// What is done with the next messages, after what was said before.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().replies.extend(replies);
    }

    /// What is done with messages that the script has nothing for.
    pub fn otherwise(&self, reply: Reply) {
        self.script.lock().otherwise = reply;
    }

    /// Lets go what hangs now: it is to be tried again.
    pub fn let_go(&self) {
        self.change(|script| script.let_go += 1);
    }

    /// Every message that was given to it, in order, each attempt for itself.
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        self.script.lock().sent.clone()
    }

    /// The keys of [`sent`](Self::sent).
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let script = self.script.lock();
        script
            .sent
            .iter()
            .map(|message| message.key.clone())
            .collect()
    }

    /// Resolves when at least `count` messages were given to it.
    pub fn received(&self, count: usize) -> impl Future<Output = ()> + Send + 'static {
        self.when(move |script| script.sent.len() >= count)
    }

    /// Whether it is started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.script.lock().events.is_some()
    }

    /// Tells an event, if it is started.
    pub fn tell(&self, event: Event) {
        let events = self.script.lock().events.clone();
        if let Some(events) = events {
            events.tell(event);
        }
    }

    /// What its health says of its paths.
    pub fn stand(&self, paths: Vec<Path>) {
        self.script.lock().paths = paths;
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let mut script = self.script.lock();
        let changed = change(&mut script);
        script.wakers.drain(..).for_each(Waker::wake);
        changed
    }

    /// Resolves when the script is as `is` wants it.
    fn when(
        &self,
        is: impl Fn(&Script) -> bool + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.script);
        poll_fn(move |context| {
            let mut script = shared.lock();
            if is(&script) {
                return Poll::Ready(());
            }
            script.wakers.push(context.waker().clone());
            Poll::Pending
        })
    }

    async fn reply(&self, message: &Message) -> Outcome {
        let (reply, let_go) = self.change(|script| {
            script.sent.push(message.clone());
            let reply = script.replies.pop_front().unwrap_or(script.otherwise);
            (reply, script.let_go)
        });
        let answer = "as scripted".to_owned();
        match reply {
            Reply::Deliver => Outcome::Delivered { answer },
            Reply::Retry(after) => Outcome::Retry { answer, after },
            Reply::Refuse => Outcome::Refused { answer },
            Reply::Hang => {
                self.when(move |script| script.let_go > let_go).await;
                let answer = "let go".to_owned();
                Outcome::Retry {
                    answer,
                    after: None,
                }
            }
        }
    }
}

impl Channel for ScriptedChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let send = async {
            let _underway = self.tally.enter();
            let outcome = self.reply(message).await;
            self.tally.note(&outcome, message.at);
            outcome
        };
        send.boxed()
    }

    fn health(&self) -> Health {
        self.tally.health(self.script.lock().paths.clone())
    }

    fn start(&self, events: EventSink) {
        self.change(|script| script.events.get_or_insert(events).clone());
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.change(|script| script.events = None);
        std::future::ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SharedChannel;
    use crate::contract::{self, Does, Harness, message};
    use futures::executor::block_on;

    impl Harness for ScriptedChannel {
        fn patient(&self) -> SharedChannel {
            Arc::new(self.clone())
        }

        fn hasty(&self) -> SharedChannel {
            Arc::new(self.clone())
        }

        fn next(&self, does: &[Does]) {
            self.script(does.iter().map(|does| match does {
                Does::Take => Reply::Deliver,
                Does::BeBusy | Does::BreakOff => Reply::Retry(None),
                Does::Refuse => Reply::Refuse,
                Does::Hang => Reply::Hang,
            }));
        }

        fn received(&self, count: usize) -> BoxFuture<'_, ()> {
            Self::received(self, count).boxed()
        }

        fn identities(&self) -> Vec<String> {
            self.keys()
        }

        fn time_passes(&self) {
            self.let_go();
        }
    }

    #[test]
    fn it_keeps_the_contract_of_channels() {
        block_on(contract::all(&ScriptedChannel::new("test")));
    }

    #[test]
    fn it_tells_events_between_start_and_stop() {
        let channel = ScriptedChannel::new("test");
        let told = Arc::new(Mutex::new(Vec::new()));
        let event = Event::PathRestored {
            channel: "test".into(),
            path: "session".into(),
        };
        channel.tell(event.clone());
        let sink = Arc::clone(&told);
        channel.start(EventSink::new(move |event| sink.lock().push(event)));
        assert!(channel.is_started());
        channel.tell(event.clone());
        block_on(channel.stop());
        channel.tell(event.clone());
        assert_eq!(*told.lock(), [event]);
    }

    #[test]
    fn what_is_said_once_is_done_once() {
        let channel = ScriptedChannel::new("test");
        channel.otherwise(Reply::Refuse);
        channel.script([Reply::Retry(Some(Duration::from_secs(9)))]);
        let outcome = block_on(channel.send(&message(1, 1)));
        assert!(matches!(outcome, Outcome::Retry { after: Some(_), .. }));
        assert_eq!(block_on(channel.send(&message(1, 2))).as_str(), "refused");
        assert_eq!(channel.keys(), ["root/s1:1-1/1", "root/s1:1-1/1"]);
    }
}
