//! Fuzz target: what a message centre sends: frames, PDUs, receipts.

/// Runs the target on one input.
///
/// # Panics
/// If a frame, a PDU or a receipt's text breaks the reader, or a receipt has an identifier that is
/// not in what came.
pub fn run(data: &[u8]) {
    spica_channels::fuzz_smpp(data);
}
