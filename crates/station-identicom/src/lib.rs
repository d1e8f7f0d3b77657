//! The Identicom receiving station: TCP in, records out, commands over.
