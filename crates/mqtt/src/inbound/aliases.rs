//! Topic aliases of the client.

/// What the client's aliases stand for on this connection.
#[derive(Debug, Default)]
pub(super) struct Aliases(Vec<Option<Box<str>>>);

impl Aliases {
    pub(super) fn set(&mut self, alias: u16, topic: &str) {
        let at = usize::from(alias);
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        // A client that says the same again costs nothing.
        if self.0[at].as_deref() != Some(topic) {
            self.0[at] = Some(topic.into());
        }
    }

    pub(super) fn get(&self, alias: u16) -> Option<&str> {
        self.0.get(usize::from(alias))?.as_deref()
    }
}
