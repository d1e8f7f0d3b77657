//! The opening handshake of a WebSocket (RFC 6455, section 4.2).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use spica_live_proto::Encoding;
use spica_ws_proto::accept_key;

use crate::problem::{Problem, ProblemKind};

/// The version there is.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// A handshake that can be agreed to.
#[derive(Debug)]
pub(crate) struct Handshake {
    accept: HeaderValue,
    /// How frames will be encoded.
    pub(crate) encoding: Encoding,
}

impl Handshake {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// 426 if it asks for no WebSocket, or one of another version; 400 if it is not right or offers
    /// no subprotocol that is spoken here.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        if !has_token(headers, header::UPGRADE, "websocket")
            || !has_token(headers, header::CONNECTION, "upgrade")
        {
            let detail =
                "live sessions here are WebSockets; over HTTP they are at /v1/live/sessions";
            return Err(Problem::new(ProblemKind::UpgradeRequired, detail)
                .with_header(header::UPGRADE, HeaderValue::from_static("websocket")));
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
            let detail = "only version 13 of WebSockets is spoken here";
            return Err(Problem::new(ProblemKind::UpgradeRequired, detail)
                .with_header(header::SEC_WEBSOCKET_VERSION, VERSION));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY);
        let accept = key
            .and_then(|key| key.to_str().ok())
            .and_then(accept_key)
            .and_then(|accept| HeaderValue::try_from(accept).ok())
            .ok_or_else(|| {
                Problem::bad_request("Sec-WebSocket-Key: 16 random bytes in base64 are needed")
            })?;
        let offered = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL);
        let encoding = offered
            .filter_map(Encoding::from_subprotocol)
            .next()
            .ok_or_else(|| {
                let [json, cbor] = Encoding::ALL.map(Encoding::subprotocol);
                Problem::bad_request(format!(
                    "Sec-WebSocket-Protocol: offer {json} or {cbor}, the one you like better first"
                ))
            })?;
        Ok(Self { accept, encoding })
    }

    /// The answer that agrees.
    pub(crate) fn agree(self) -> Response {
        let headers = [
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept),
            (
                header::SEC_WEBSOCKET_PROTOCOL,
                HeaderValue::from_static(self.encoding.subprotocol()),
            ),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

/// The parts of a header that is a list.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// Reads the lines `name: value` of a request's head and says the subprotocol and the
/// `Sec-WebSocket-Accept` of the answer, or the status that refuses. For fuzzers, which look for a
/// head that is agreed to and must not be.
///
/// # Errors
/// 426 or 400, as for a request.
pub fn upgrade_answer(head: &[u8]) -> Result<(&'static str, String), u16> {
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|it| HeaderName::from_bytes(it).ok());
        let value = parts.next().unwrap_or_default().trim_ascii();
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let read = Handshake::read(&headers).map_err(|problem| problem.kind().status().as_u16())?;
    let accept = String::from_utf8_lossy(read.accept.as_bytes()).into_owned();
    Ok((read.encoding.subprotocol(), accept))
}

/// Whether a request wants something else than HTTP.
pub(crate) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        (
            "sec-websocket-protocol",
            "mqtt, spica.live.v1.cbor, spica.live.v1.json",
        ),
    ];

    fn read(name: &'static str, value: &'static str) -> Result<Handshake, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in GOOD {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(name, HeaderValue::from_static(value));
        Handshake::read(&headers)
    }

    #[test]
    fn the_first_subprotocol_that_is_known_is_spoken() {
        let handshake = read("host", "x").unwrap();
        assert_eq!(handshake.encoding, Encoding::Cbor);
        let response = handshake.agree();
        assert_eq!(response.status(), 101);
        let accept = &response.headers()["sec-websocket-accept"];
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            "spica.live.v1.cbor"
        );
    }

    #[test]
    fn what_cannot_be_agreed_to_is_refused_and_says_what_is_missing() {
        for (name, value, status) in [
            ("upgrade", "h2c", 426),
            ("connection", "keep-alive", 426),
            ("sec-websocket-version", "8", 426),
            ("sec-websocket-key", "short", 400),
            ("sec-websocket-protocol", "mqtt", 400),
        ] {
            let problem = read(name, value).unwrap_err();
            assert_eq!(problem.kind().status(), status, "{name}");
        }
        let answer = read("sec-websocket-version", "8")
            .unwrap_err()
            .into_response();
        assert_eq!(answer.headers()["sec-websocket-version"], "13");
    }
}
