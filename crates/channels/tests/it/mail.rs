//! E-mail.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_notify::contract::{self, Does};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::other_side::{OtherSide, Script};
use crate::patient_and_hasty;

fn serve(stream: TcpStream, script: Arc<Script>) -> BoxFuture<'static, ()> {
    async move { drop(dialogue(BufReader::new(stream), &script).await) }.boxed()
}

async fn dialogue(mut stream: BufReader<TcpStream>, script: &Script) -> std::io::Result<()> {
    stream.write_all(b"220 here\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match line.get(..4).unwrap_or_default() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                match script.came(message_id(&mut stream).await?) {
                    Does::Take => "250 taken",
                    Does::BeBusy => "451 later",
                    Does::Refuse => "554 never",
                    Does::BreakOff => return Ok(()),
                    Does::Hang => return std::future::pending().await,
                }
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

/// Reads a mail to its end; gives its `Message-ID`.
async fn message_id(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut id = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(id);
        }
        if let Some(value) = line.strip_prefix("Message-ID:") {
            id = value.trim().to_owned();
        }
    }
}

#[tokio::test]
async fn email_keeps_the_contract() {
    let open = |port| {
        let server = format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"");
        patient_and_hasty("email", &format!("{server}\nfrom = \"alarm@example.org\""))
    };
    contract::all(&OtherSide::new(serve, "anna@example.org", open).await).await;
}
