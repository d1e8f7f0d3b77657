//! Text messages through a gateway's own HTTP interface, which the operator describes.
//!
//! ```toml
//! [channels.pager]
//! kind = "sms-http"
//! url = "https://sms.example.org/send?user=hub&password={secret}&to={to}&text={text}"
//! secret_file = "sms-password"
//! success_contains = "OK"
//! ```

mod settings;
mod verdict;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use spica_alerts::{Message, Outcome};
use spica_clock::SharedClock;
use spica_settings::Secret;

use crate::bounded::Carrier;
use crate::template::{Escape, Template};
use crate::{answer, http};

pub(crate) use settings::open;
use verdict::Verdict;

/// What may stand in a template: the number in E.164, the same without its plus sign, the text, the
/// message's key, and the channel's secret.
const NAMES: [&str; 5] = ["to", "to_digits", "text", "key", "secret"];

/// A gateway.
pub(crate) struct SmsHttp {
    client: Client,
    method: Method,
    url: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Body>,
    user: Option<(String, Secret)>,
    secret: Option<Secret>,
    verdict: Verdict,
    clock: SharedClock,
}

/// What is sent in a request's body.
struct Body {
    template: Template,
    escape: Escape,
    content_type: HeaderValue,
}

impl SmsHttp {
    async fn post(&self, message: &Message) -> Outcome {
        let secret = self.secret.as_ref().map_or("", Secret::expose);
        let value = |name| match name {
            "to" => message.address.as_str(),
            "to_digits" => message.address.trim_start_matches('+'),
            "text" => &message.body,
            "key" => &message.key,
            _ => secret,
        };
        let Ok(url) = Url::parse(&self.url.fill(Escape::Percent, value)) else {
            return answer::refused("the url with this message's values is none");
        };
        let mut request = self.client.request(self.method.clone(), url);
        for (name, template) in &self.headers {
            let Ok(mut header) = HeaderValue::from_str(&template.fill(Escape::None, value)) else {
                return answer::refused("this message's values cannot stand in a header");
            };
            header.set_sensitive(true);
            request = request.header(name, header);
        }
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, Some(password.expose()));
        }
        if let Some(body) = &self.body {
            request = request.header(CONTENT_TYPE, body.content_type.clone());
            request = request.body(body.template.fill(body.escape, value));
        }
        match request.send().await {
            Err(error) => http::failed(error),
            Ok(response) if response.status().is_success() => self.verdict.of(response).await,
            Ok(response) => http::refusal(response, self.clock.wall()).await,
        }
    }
}

impl Carrier for SmsHttp {
    fn carry<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.post(message).boxed()
    }
}
