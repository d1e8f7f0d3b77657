//! Which server is tried next.

/// Redirects in a row that are followed: servers that send clients in circles lose them.
const REDIRECTS: u32 = 8;

/// The servers that are known, and the one that another has named.
#[derive(Debug)]
pub(crate) struct Servers {
    known: Vec<String>,
    at: usize,
    named: Option<String>,
    redirects: u32,
}

impl Servers {
    /// `known`, as `host:port`, in the order in which they are tried; there must be one.
    pub(crate) const fn new(known: Vec<String>) -> Self {
        Self {
            known,
            at: 0,
            named: None,
            redirects: 0,
        }
    }

    /// The one to try now; none if none is known.
    pub(crate) fn current(&self) -> Option<&str> {
        let known = || self.known.get(self.at).map(String::as_str);
        self.named.as_deref().or_else(known)
    }

    /// The current one has taken us.
    pub(crate) const fn accepted(&mut self) {
        self.redirects = 0;
    }

    /// The current one does not work: the next of those known is tried.
    pub(crate) fn failed(&mut self) {
        // One that was named stands for the one that named it.
        self.named = None;
        self.at = (self.at + 1) % self.known.len().max(1);
    }

    /// The current one names others, separated by spaces. Says whether the first is to be tried at
    /// once: not after too many that did the same.
    pub(crate) fn redirected(&mut self, reference: &str) -> bool {
        let Some(first) = reference.split_whitespace().next() else {
            self.failed();
            return false;
        };
        if self.redirects >= REDIRECTS {
            self.redirects = 0;
            self.failed();
            return false;
        }
        self.redirects += 1;
        self.named = Some(with_port(first, self.current()));
        true
    }
}

/// A server without a port listens where the one that names it does.
fn with_port(named: &str, namer: Option<&str>) -> String {
    let is_whole = match named.rsplit_once(':') {
        Some((host, port)) => {
            port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
        }
        None => false,
    };
    let port = namer.and_then(|namer| namer.rsplit_once(':'));
    match port {
        Some((_, port)) if !is_whole => format!("{named}:{port}"),
        _ => named.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Servers {
        Servers::new(vec!["a:1".into(), "b:2".into()])
    }

    #[test]
    fn those_that_fail_are_tried_in_turn() {
        let mut servers = two();
        assert_eq!(servers.current(), Some("a:1"));
        servers.failed();
        assert_eq!(servers.current(), Some("b:2"));
        servers.failed();
        assert_eq!(servers.current(), Some("a:1"));
        assert_eq!(Servers::new(Vec::new()).current(), None);
    }

    #[test]
    fn a_server_that_is_named_is_tried_at_once_and_forgotten_when_it_fails() {
        let mut servers = two();
        assert!(servers.redirected("c:3 d:4"));
        assert_eq!(servers.current(), Some("c:3"));
        servers.failed();
        assert_eq!(servers.current(), Some("b:2"));
        assert!(servers.redirected("[::1]"));
        assert_eq!(servers.current(), Some("[::1]:2"));
        assert!(!servers.redirected(""), "no name is a failure");
    }

    #[test]
    fn circles_are_left() {
        let mut servers = two();
        let followed = (0..20).take_while(|_| servers.redirected("c:3")).count();
        assert_eq!(followed, REDIRECTS as usize);
        assert_eq!(servers.current(), Some("b:2"));
        servers.redirected("c:3");
        servers.accepted();
        let followed = (0..20).take_while(|_| servers.redirected("c:3")).count();
        assert_eq!(followed, REDIRECTS as usize, "counted anew");
    }
}
