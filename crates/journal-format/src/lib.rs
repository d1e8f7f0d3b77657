//! The bytes of the journal on disk: records, batches, segment headers and footers. No I/O.
