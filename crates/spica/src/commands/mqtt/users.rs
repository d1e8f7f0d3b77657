//! `spica mqtt user` and `spica mqtt password`: who may connect by user name and password.

use std::io::BufRead as _;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use spica_mqtt_access::{RANDOM_BYTES, generate_password, hash_password};

use crate::api::Api;
use crate::cli::{MqttUser, PasswordFrom};
use crate::commands::device::cell;
use crate::out;

pub(super) async fn run(command: MqttUser) -> Result<()> {
    match command {
        MqttUser::Add {
            hub,
            name,
            roles,
            serial,
            client_ids,
            password,
        } => {
            let mut body = json!({
                "name": name,
                "password": given(&password)?,
                "roles": roles,
                "client_ids": client_ids,
            });
            if let Some(serial) = serial {
                body["serial"] = json!(serial);
            }
            let made: Value = Api::new(&hub)?.post(&["mqtt", "users"], &body).await?;
            out::line(format_args!("user {name} ({})", roles.join(", ")));
            show_made(&made);
        }
        MqttUser::List { hub } => {
            let list: Value = Api::new(&hub)?.get(&["mqtt", "users"], &[]).await?;
            let mut users = list["users"].as_array().cloned().unwrap_or_default();
            for user in &mut users {
                for key in ["roles", "client_ids"] {
                    let words = user[key].as_array().cloned().unwrap_or_default();
                    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                    user[key] = json!(words.join(", "));
                }
            }
            let columns = ["name", "roles", "serial", "client_ids", "created"];
            let rows: Vec<Vec<String>> = users
                .iter()
                .map(|user| columns.map(|key| cell(user, key)).to_vec())
                .collect();
            out::table(&columns, &rows);
        }
        MqttUser::Remove { hub, name } => {
            Api::new(&hub)?.delete(&["mqtt", "users", &name]).await?;
            out::line(format_args!("user {name} is removed"));
        }
        MqttUser::Password {
            hub,
            name,
            password,
        } => {
            let body = json!({ "password": given(&password)? });
            let path = ["mqtt", "users", &name, "password"];
            let made: Value = Api::new(&hub)?.put(&path, &body).await?;
            out::line(format_args!("user {name} has another password"));
            show_made(&made);
        }
    }
    Ok(())
}

/// Prints what an access file keeps of a password.
pub(super) fn password(from: &PasswordFrom) -> Result<()> {
    let (mut salts, mut random) = ([[0; 16]; 2], [0; RANDOM_BYTES]);
    for bytes in salts
        .iter_mut()
        .map(<[u8; 16]>::as_mut_slice)
        .chain([&mut random[..]])
    {
        getrandom::fill(bytes).map_err(|error| anyhow!("no random bytes: {error}"))?;
    }
    let salts = [&salts[0], &salts[1]];
    let (hash, scram) = match given(from)? {
        Some(password) => hash_password(&password, salts)?,
        None => {
            let made = generate_password(&random, salts)?;
            out::note("This is the password. It is shown this once:");
            out::line(format_args!("# {}", made.text));
            (made.password, made.scram)
        }
    };
    out::line(format_args!("password = \"{hash}\""));
    out::line(format_args!("scram = \"{scram}\""));
    Ok(())
}

/// Shows a password that the node has made, if it has.
fn show_made(answer: &Value) {
    if let Some(password) = answer["password"].as_str() {
        out::note("This is its password. It is shown this once:");
        out::line(password);
    }
}

/// The password that is given; none if one is to be made.
fn given(from: &PasswordFrom) -> Result<Option<String>> {
    if from.generate {
        return Ok(None);
    }
    read(from).map(Some)
}

/// The first line of a file, or of the standard input.
fn read(from: &PasswordFrom) -> Result<String> {
    let text = match &from.password_file {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the password in {}", file.display()))?,
        None => {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line
        }
    };
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => bail!("there is no password: it is the first line of the file or of standard input"),
    }
}
