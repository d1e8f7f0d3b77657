//! One module per group of endpoints. Pages are written item by item; the structs named `…Page…` and
//! `…List…` are their schemas.
#![expect(
    unused_qualifications,
    reason = "the code that utoipa::path writes has some"
)]

use crate::extract::FromBody;

pub(crate) mod acknowledge;
pub(crate) mod alerts;
pub(crate) mod bans;
pub(crate) mod cases;
pub(crate) mod commands;
pub(crate) mod conditions;
pub(crate) mod devices;
pub(crate) mod find;
pub(crate) mod handlers;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod live;
pub(crate) mod media;
pub(crate) mod metrics;
pub(crate) mod mqtt;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod pair;
pub(crate) mod parquet;
pub(crate) mod pictures;
pub(crate) mod records;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod sessions;
pub(crate) mod tokens;
pub(crate) mod topics;
pub(crate) mod tree;

/// Reads `bytes` as each kind of body that operators send, and checks what was read: how many kinds
/// it could be. For fuzzers, which look for a body that is read in a way it must not be.
#[must_use]
pub fn readings(bytes: &[u8]) -> usize {
    let readings = [
        devices::import::read(bytes).is_ok(),
        devices::NewDevice::from_body(bytes).is_ok(),
        spica_devices::Registration::from_body(bytes).is_ok(),
        commands::NewCommand::from_body(bytes).is_ok(),
        bans::NewBan::from_body(bytes).is_ok(),
        tokens::NewTokenBody::from_body(bytes).is_ok(),
        mqtt::users::NewUserBody::from_body(bytes).is_ok(),
        mqtt::users::NewPasswordBody::from_body(bytes).is_ok(),
        cases::NewStep::from_body(bytes).is_ok(),
        conditions::NewOrder::from_body(bytes).is_ok(),
        handlers::OrderBody::from_body(bytes).is_ok(),
        handlers::LetterOrderBody::from_body(bytes).is_ok(),
        alerts::NewTest::from_body(bytes).is_ok(),
    ];
    readings.into_iter().filter(|read| *read).count()
}
