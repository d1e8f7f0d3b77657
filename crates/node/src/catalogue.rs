//! The commands of the Identicom profile, as the HTTP interface asks for them.

use std::sync::Arc;

use serde_json::{Map, Value};
use spica_http::{
    Arguments, CommandCall, CommandCallError, CommandCatalogue, CommandName, EncodedCommand,
};
use spica_identicom_proto::profile::{Argument, Command, Profile};

/// Finds commands by name or code in a profile and writes their arguments.
pub(crate) struct IdenticomCommands(pub(crate) Arc<Profile>);

impl CommandCatalogue for IdenticomCommands {
    fn encode(&self, call: &CommandCall) -> Result<EncodedCommand, CommandCallError> {
        let command = self.find(&call.command)?;
        let arguments = match &call.arguments {
            Arguments::Hex(hex) => self.0.raw_arguments(command.code, hex),
            Arguments::Fields(fields) => self.0.arguments(command, &typed(fields)?),
        };
        let arguments = arguments.map_err(|error| CommandCallError {
            field: "arguments",
            detail: error.to_string(),
        })?;
        Ok(EncodedCommand {
            code: command.code,
            name: command.name.clone(),
            arguments,
        })
    }
}

impl IdenticomCommands {
    fn find(&self, name: &CommandName) -> Result<&Command, CommandCallError> {
        let (found, field, asked) = match name {
            CommandName::Name(name) => (self.0.command_named(name), "name", format!("{name:?}")),
            CommandName::Code(code) => (self.0.command(*code), "code", code.to_string()),
        };
        found.ok_or_else(|| {
            let known = self.0.commands().iter();
            let known: Vec<String> = known
                .map(|command| format!("{} ({})", command.name, command.code))
                .collect();
            let detail = format!(
                "there is no command {asked}; there are {}",
                known.join(", ")
            );
            CommandCallError { field, detail }
        })
    }
}

/// JSON values as the profile takes them.
fn typed(fields: &Map<String, Value>) -> Result<Vec<(&str, Argument<'_>)>, CommandCallError> {
    let wrong = |name: &str| CommandCallError {
        field: "arguments",
        detail: format!("{name} is a whole number or a text"),
    };
    fields
        .iter()
        .map(|(name, value)| Ok((name.as_str(), argument(value).ok_or_else(|| wrong(name))?)))
        .collect()
}

fn argument(value: &Value) -> Option<Argument<'_>> {
    match value {
        Value::String(text) => Some(Argument::Text(text)),
        Value::Number(number) => number.as_i64().map(Argument::Number),
        _ => None,
    }
}
