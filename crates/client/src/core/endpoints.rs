//! Which server is tried next, and when: order, memory of what failed, backoff with full jitter.

use std::time::{Duration, Instant};

const BASE: Duration = Duration::from_millis(500);
/// A session that lived so long was a success: the pauses begin anew.
const STABLE: Duration = Duration::from_secs(10);
/// Active nodes that servers named beyond those we were given.
const MAX_NAMED: usize = 4;

/// Reads `http(s)://host:port`; a text without a scheme gets `scheme`, without a port the scheme's.
pub(crate) fn address(text: &str, scheme: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or((scheme, text));
    let (scheme, port) = match scheme {
        "http" | "ws" => ("http", 80),
        "https" | "wss" => ("https", 443),
        _ => return None,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains(['@', ' ', '\\']) {
        return None;
    }
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?.1,
        None => host,
    };
    match name.rsplit_once(':') {
        Some((_, digits)) => digits
            .parse::<u16>()
            .ok()
            .map(|_| format!("{scheme}://{host}")),
        None => Some(format!("{scheme}://{host}:{port}")),
    }
}

#[derive(Debug)]
struct Endpoint {
    url: String,
    failures: u32,
    not_before: Option<Instant>,
    /// The server asked for the pause: nobody may shorten it.
    asked: bool,
    given: bool,
}

/// The servers in order.
#[derive(Debug)]
pub(crate) struct Endpoints {
    list: Vec<Endpoint>,
    preferred: Option<String>,
    pause_until: Option<Instant>,
    max_pause: Duration,
    random: u64,
}

impl Endpoints {
    /// Servers at these addresses, as [`address`] gives them. `seed` is for the jitter.
    pub(crate) fn new(urls: Vec<String>, max_pause: Duration, seed: u64) -> Self {
        let list = urls.into_iter().map(|url| Endpoint {
            url,
            failures: 0,
            not_before: None,
            asked: false,
            given: true,
        });
        Self {
            list: list.collect(),
            preferred: None,
            pause_until: None,
            max_pause,
            random: seed,
        }
    }

    /// The address to try, and the pause before that. `None` if there are no endpoints.
    pub(crate) fn next(&self, now: Instant) -> Option<(String, Duration)> {
        let wait = |at: Option<Instant>| at.map_or(Duration::ZERO, |at| at.duration_since(now));
        let chosen = self.list.iter().min_by_key(|e| {
            let wait = wait(e.not_before);
            let preferred = self.preferred.as_ref() == Some(&e.url);
            (wait, !preferred, e.failures > 0)
        })?;
        let pause = wait(chosen.not_before).max(wait(self.pause_until));
        Some((chosen.url.clone(), pause))
    }

    /// An attempt, or a session that had not opened, failed.
    pub(crate) fn failed(&mut self, url: &str, now: Instant, retry_after: Option<Duration>) {
        let Some(index) = self.list.iter().position(|e| e.url == url) else {
            return;
        };
        let failures = self.list[index].failures;
        let wait = match retry_after {
            Some(asked) => asked + self.jitter(0),
            None => self.jitter(failures),
        };
        let endpoint = &mut self.list[index];
        endpoint.failures += 1;
        endpoint.asked = retry_after.is_some();
        endpoint.not_before = now.checked_add(wait);
        if self.preferred.as_deref() == Some(url) {
            self.preferred = None;
        }
    }

    /// A session that was open for `lived` has ended.
    pub(crate) fn lost(
        &mut self,
        url: &str,
        now: Instant,
        lived: Duration,
        retry_after: Option<Duration>,
    ) {
        if lived >= STABLE
            && let Some(endpoint) = self.list.iter_mut().find(|e| e.url == url)
        {
            endpoint.failures = 0;
        }
        self.failed(url, now, retry_after);
        // All clients of a server lose it at once: its partner must not see them at once.
        self.pause_until = now.checked_add(self.jitter(0));
    }

    /// The server at `url` says that `active` serves: it comes first, and soon. Its failures stay
    /// counted, so that two servers that name each other are asked more and more seldom.
    pub(crate) fn prefer(&mut self, url: &str, active: &str, now: Instant) {
        let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
        let Some(active) = address(active, scheme) else {
            return;
        };
        // The token would go out in the clear.
        if scheme == "https" && !active.starts_with("https:") {
            return;
        }
        match self.list.iter().position(|e| e.url == active) {
            Some(index) if active != url && !self.list[index].asked => {
                let soon = now.checked_add(self.jitter(self.list[index].failures));
                let endpoint = &mut self.list[index];
                endpoint.not_before = endpoint.not_before.min(soon);
            }
            Some(_) => {}
            None => self.add(active.clone()),
        }
        self.preferred = Some(active);
    }

    fn add(&mut self, url: String) {
        let named = |e: &Endpoint| !e.given;
        if self.list.iter().filter(|e| named(e)).count() >= MAX_NAMED
            && let Some(oldest) = self.list.iter().position(named)
        {
            self.list.remove(oldest);
        }
        self.list.push(Endpoint {
            url,
            failures: 0,
            not_before: None,
            asked: false,
            given: false,
        });
    }

    /// Anything from nothing to the bound, which doubles with each failure.
    fn jitter(&mut self, failures: u32) -> Duration {
        // splitmix64
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let share = ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1_u32 << 24);
        let bound = BASE.saturating_mul(1 << failures.min(16));
        bound.min(self.max_pause).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(30);

    /// Some moment to begin with, whichever.
    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn endpoints(urls: &[&str]) -> Endpoints {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        Endpoints::new(urls, CAP, 1)
    }

    fn next(them: &Endpoints, now: Instant) -> String {
        them.next(now).unwrap().0
    }

    #[test]
    fn the_order_holds_and_what_failed_comes_later() {
        let mut them = endpoints(&["http://a:1", "http://b:1"]);
        let now = start();
        assert_eq!(next(&them, now), "http://a:1");
        them.failed("http://a:1", now, None);
        assert_eq!(next(&them, now), "http://b:1");
        let later = now + Duration::from_secs(100);
        assert_eq!(next(&them, later), "http://b:1", "it has not failed");
    }

    #[test]
    fn pauses_grow_to_the_cap_and_begin_anew_after_a_good_session() {
        let mut them = endpoints(&["http://a:1"]);
        let now = start();
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            them.failed("http://a:1", now, None);
            longest = longest.max(them.next(now).unwrap().1);
        }
        assert!(longest <= CAP && longest > CAP.mul_f64(0.9), "{longest:?}");
        them.lost("http://a:1", now, Duration::from_secs(60), None);
        assert!(them.next(now).unwrap().1 <= BASE);
        for _ in 0..12 {
            them.lost("http://a:1", now, Duration::from_millis(100), None);
        }
        assert_eq!(them.list[0].failures, 13, "a short session is no success");
    }

    #[test]
    fn a_pause_that_a_server_asked_for_is_kept_to_even_if_another_prefers_it() {
        let mut them = endpoints(&["http://a:1", "http://b:1"]);
        let now = start();
        let asked = Duration::from_secs(600);
        them.failed("http://a:1", now, Some(asked));
        them.prefer("http://b:1", "http://a:1", now);
        assert_eq!(next(&them, now), "http://b:1");
        them.failed("http://b:1", now, Some(asked * 2));
        assert!(them.next(now).unwrap().1 >= asked);
    }

    #[test]
    fn the_active_comes_first_but_not_without_encryption_nor_in_any_number() {
        let mut them = endpoints(&["https://a:1"]);
        let now = start();
        for bad in ["http://b:1", "ftp://b:1", "", "https://u@b:1"] {
            them.prefer("https://a:1", bad, now);
        }
        assert_eq!(them.list.len(), 1);
        them.prefer("https://a:1", "b:1", now);
        assert_eq!(next(&them, now), "https://b:1");
        for number in 0..20 {
            them.prefer("https://a:1", &format!("x{number}:1"), now);
        }
        assert_eq!(them.list.len(), 1 + MAX_NAMED);
        assert_eq!(them.list[0].url, "https://a:1");
    }

    #[test]
    fn addresses_are_made_alike() {
        for (text, read) in [
            ("a", "http://a:80"),
            ("https://a/", "https://a:443"),
            ("wss://a:7/x?y", "https://a:7"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("[::1]", "http://[::1]:80"),
        ] {
            assert_eq!(address(text, "http").as_deref(), Some(read));
        }
        for bad in [
            "",
            "ftp://a",
            "http://",
            "http://a:b",
            "http://a:70000",
            "http://[::1",
        ] {
            assert_eq!(address(bad, "http"), None, "{bad}");
        }
    }
}
