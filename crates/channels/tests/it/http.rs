//! The channels over HTTP.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_notify::contract::{self, Does};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::other_side::{OtherSide, Script};
use crate::patient_and_hasty;

fn serve(stream: TcpStream, script: Arc<Script>) -> BoxFuture<'static, ()> {
    let served = async move {
        let mut stream = BufReader::new(stream);
        while let Some(identity) = request(&mut stream).await {
            let status = match script.came(identity) {
                Does::Take => "200 OK",
                Does::BeBusy => "503 Service Unavailable",
                Does::Refuse => "400 Bad Request",
                Does::BreakOff => return,
                Does::Hang => return std::future::pending().await,
            };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    served.boxed()
}

/// Reads a request; gives its idempotency key.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut length, mut key) = (0, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "idempotency-key" => key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    key
}

#[tokio::test]
async fn a_webhook_keeps_the_contract() {
    let open = |port| patient_and_hasty("webhook", &format!("url = \"http://127.0.0.1:{port}/\""));
    contract::all(&OtherSide::new(serve, "", open).await).await;
}

#[tokio::test]
async fn a_gateway_keeps_the_contract() {
    let open = |port| {
        let url = format!("url = \"http://127.0.0.1:{port}/?to={{to}}&text={{text}}\"");
        let headers = "headers = { Idempotency-Key = \"{key}\" }";
        patient_and_hasty("sms-http", &format!("{url}\n{headers}"))
    };
    contract::all(&OtherSide::new(serve, "+41791234567", open).await).await;
}
