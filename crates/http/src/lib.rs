//! The HTTP interface: publish, read, history, devices, commands, pictures, live events, health, metrics.
