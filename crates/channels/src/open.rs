//! From a table of the plan file to a channel.

use std::path::PathBuf;
use std::sync::Arc;

use spica_alerts::ChannelTable;
use spica_clock::SharedClock;
use spica_notify::{SharedChannel, Tally};
use toml::Table;

use crate::bounded::{Bounded, Carrier};
use crate::error::{OpenError, SettingError};
use crate::places::Places;
use crate::settings::{self, Context};

/// The kinds of channels that this build has.
pub const KINDS: &[&str] = &[
    "webhook",
    "email",
    "sms-http",
    #[cfg(feature = "sms")]
    "smpp",
    "dc09",
];

/// What a channel is opened with, beside its table.
#[derive(Clone)]
pub struct Surroundings {
    /// Where the time comes from.
    pub clock: SharedClock,
    /// The directory of the plan file: relative paths in it count from there.
    pub base: PathBuf,
}

/// Makes a channel of what the plan file says of it. Nothing is connected: a table can be checked by
/// opening and dropping it. Files that it names (certificates, secrets) are read.
///
/// # Errors
/// With the key that is wrong, and what is allowed.
pub fn open(
    table: &ChannelTable<'_>,
    surroundings: &Surroundings,
) -> Result<SharedChannel, OpenError> {
    let opened = open_kind(table, surroundings);
    opened.map_err(|SettingError { key, reason }| OpenError {
        channel: table.name.to_owned(),
        key,
        reason,
    })
}

fn open_kind(
    table: &ChannelTable<'_>,
    surroundings: &Surroundings,
) -> Result<SharedChannel, SettingError> {
    let mut settings = table.table.clone();
    let common = settings::common(&mut settings)?;
    let context = Context {
        name: table.name,
        common,
        base: &surroundings.base,
        clock: &surroundings.clock,
    };
    match table.kind {
        "webhook" => bound("webhook", &context, settings, crate::webhook::open),
        "email" => bound("email", &context, settings, crate::email::open),
        "sms-http" => bound("sms-http", &context, settings, crate::sms_http::open),
        #[cfg(feature = "sms")]
        "smpp" => bound("smpp", &context, settings, crate::smpp::open),
        "dc09" => bound("dc09", &context, settings, crate::dc09::open),
        other => {
            let kinds = KINDS.join(", ");
            let reason = format!("{other:?} is no kind of channel; there are {kinds}");
            Err(SettingError::new("kind", reason))
        }
    }
}

fn bound<C: Carrier>(
    kind: &'static str,
    context: &Context<'_>,
    settings: Table,
    open: fn(Table, &Context<'_>) -> Result<C, SettingError>,
) -> Result<SharedChannel, SettingError> {
    Ok(Arc::new(Bounded {
        name: context.name.to_owned(),
        kind,
        timeout: context.common.timeout,
        places: Places::new(context.common.parallel),
        clock: Arc::clone(context.clock),
        tally: Tally::default(),
        carrier: open(settings, context)?,
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use spica_clock::SystemClock;

    pub(crate) fn surroundings() -> Surroundings {
        Surroundings {
            clock: Arc::new(SystemClock),
            base: std::env::temp_dir(),
        }
    }

    /// Opens a channel of this kind from TOML.
    pub(crate) fn opened(kind: &str, text: &str) -> Result<SharedChannel, OpenError> {
        let table: Table = text.parse().unwrap();
        let table = ChannelTable {
            name: "sample",
            kind,
            table: &table,
            line: 1,
        };
        open(&table, &surroundings())
    }

    /// Checks that a table is refused, at this key and with these words.
    pub(crate) fn refused(kind: &str, text: &str, key: &str, said: &str) {
        let Err(error) = opened(kind, text) else {
            panic!("{kind} takes {text}");
        };
        assert_eq!(error.key, key, "{error}");
        assert!(error.reason.contains(said), "{error}");
        assert!(error.to_string().starts_with("channels.sample."), "{error}");
    }

    #[test]
    fn every_kind_of_the_plan_file_is_opened_here_or_refused_with_the_others() {
        for kind in spica_alerts::ChannelKind::ALL {
            let refused = opened(kind.name, "").err().unwrap();
            assert_eq!(
                KINDS.contains(&kind.name),
                refused.key != "kind",
                "{refused}"
            );
        }
        refused("fax", "", "kind", "webhook, email, sms-http");
        refused(
            "webhook",
            "url = \"http://h\"\ntimeout = \"1h\"",
            "timeout",
            "1min",
        );
    }
}
