//! Names by chance.

use spica_mqtt::Uid;

/// A session's own name, among all that its client id ever had.
pub(crate) fn uid() -> Uid {
    Uid(random())
}

/// The id of a client that has none.
pub(crate) fn given_id() -> String {
    format!("spica-{:032x}", u128::from_be_bytes(random()))
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // A system without random bytes: the time and a count still differ from all others here.
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        bytes[8..].copy_from_slice(&count.to_be_bytes());
    }
    bytes
}
