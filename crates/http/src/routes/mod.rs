//! One module per group of endpoints. Pages are written item by item; the structs named `…Page…` and
//! `…List…` are their schemas.
#![expect(
    unused_qualifications,
    reason = "the code that utoipa::path writes has some"
)]

pub(crate) mod bans;
pub(crate) mod commands;
pub(crate) mod devices;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod pictures;
pub(crate) mod records;
pub(crate) mod tokens;
pub(crate) mod topics;
pub(crate) mod tree;
