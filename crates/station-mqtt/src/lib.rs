//! The MQTT station.
#![allow(dead_code)]
mod arrived;
mod mount;
