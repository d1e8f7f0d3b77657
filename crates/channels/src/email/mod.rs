//! E-mail: each message is one mail over SMTP, on a connection of its own.
//!
//! Its `Message-ID` comes from the message's key, so that a mail that is sent twice is one to whoever
//! looks. A mail program can put the mails of a case together by `References`.

mod letter;
mod settings;
mod verdict;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use spica_alerts::{Message, Outcome};

use crate::answer;
use crate::bounded::Carrier;

pub(crate) use settings::open;

/// A mail server, and who writes.
pub(crate) struct Email {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl Email {
    async fn post(&self, message: &Message) -> Outcome {
        let mail = match letter::write(message, &self.from, self.reply_to.as_ref()) {
            Ok(mail) => mail,
            Err(reason) => return answer::refused(&reason),
        };
        match self.server.send(mail).await {
            Ok(response) => {
                let said: Vec<&str> = response.message().collect();
                answer::delivered(&format!("{} {}", response.code(), said.join(" ")))
            }
            Err(error) => verdict::of(&error),
        }
    }
}

impl Carrier for Email {
    fn carry<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.post(message).boxed()
    }
}
