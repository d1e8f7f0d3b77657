//! A role that does what a test says.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::{Order, OrderError, Role, Service, Standing};

/// A role that is changed by hand. It is passive at first, and undecided about requests.
#[derive(Debug, Clone, Default)]
pub struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    serves: bool,
    /// What a request is told while the node does not serve; none: it waits.
    elsewhere: Option<Service>,
    standing: Option<Standing>,
    refusal: Option<OrderError>,
    votes: usize,
    orders: Vec<(Order, Arc<str>)>,
    wakers: Vec<Waker>,
}

impl Scripted {
    /// The node serves from now on.
    pub fn serve(&self) {
        self.change(|script| script.serves = true);
    }

    /// The node does not serve; requests are told that `active` does. Nothing is known of it if
    /// there is no address.
    pub fn yield_to(&self, active: Option<&str>) {
        self.change(|script| {
            script.serves = false;
            script.elsewhere = Some(Service::Elsewhere {
                active: active.map(Arc::from),
            });
        });
    }

    /// The node does not serve; requests wait until that changes.
    pub fn hesitate(&self) {
        self.change(|script| (script.serves, script.elsewhere) = (false, None));
    }

    /// What the role says of itself.
    pub fn stand(&self, standing: Standing) {
        self.change(|script| script.standing = Some(standing));
    }

    /// Orders are refused from now on.
    pub fn refuse(&self, error: OrderError) {
        self.change(|script| script.refusal = Some(error));
    }

    /// How many requests came while the node did not serve.
    #[must_use]
    pub fn votes(&self) -> usize {
        self.0.lock().votes
    }

    /// What was ordered, and by whom.
    #[must_use]
    pub fn orders(&self) -> Vec<(Order, Arc<str>)> {
        self.0.lock().orders.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.0.lock();
        change(&mut script);
        script.wakers.drain(..).for_each(Waker::wake);
    }

    /// What `ask` finds, as soon as it finds something.
    fn when<T: Send + 'static>(
        &self,
        ask: impl Fn(&Script) -> Option<T> + Send + Unpin + 'static,
    ) -> BoxFuture<'static, T> {
        let shared = Arc::clone(&self.0);
        poll_fn(move |cx: &mut Context<'_>| {
            let mut script = shared.lock();
            match ask(&script) {
                Some(found) => Poll::Ready(found),
                None => {
                    script.wakers.push(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .boxed()
    }
}

impl Role for Scripted {
    fn serves(&self) -> bool {
        self.0.lock().serves
    }

    fn request(&self) -> BoxFuture<'static, Service> {
        let mut script = self.0.lock();
        script.votes += usize::from(!script.serves);
        drop(script);
        self.when(|script| match script.serves {
            true => Some(Service::Here),
            false => script.elsewhere.clone(),
        })
    }

    fn ended(&self) -> BoxFuture<'static, ()> {
        self.when(|script| (!script.serves).then_some(()))
    }

    fn began(&self) -> BoxFuture<'static, ()> {
        self.when(|script| script.serves.then_some(()))
    }

    fn standing(&self) -> Option<Standing> {
        self.0.lock().standing.clone()
    }

    fn order(&self, order: Order, by: Arc<str>) -> BoxFuture<'static, Result<(), OrderError>> {
        let mut script = self.0.lock();
        script.orders.push((order, by));
        let outcome = script.refusal.clone().map_or(Ok(()), Err);
        std::future::ready(outcome).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn a_request_waits_until_it_is_decided() {
        let role = Scripted::default();
        let mut request = role.request();
        assert!((&mut request).now_or_never().is_none());
        let (began, other) = (role.began(), role.clone());
        let serving = std::thread::spawn(move || other.serve());
        assert_eq!(block_on(request), Service::Here);
        block_on(began);
        serving.join().unwrap();
        assert!(role.ended().now_or_never().is_none());
        role.yield_to(Some("http://partner"));
        block_on(role.ended());
        let elsewhere = Service::Elsewhere {
            active: Some("http://partner".into()),
        };
        assert_eq!(block_on(role.request()), elsewhere);
        assert_eq!(role.votes(), 2);
    }
}
