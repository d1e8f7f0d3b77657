//! What the property `Quality` means.

use spica_model::Quality;

/// The number for a value that has not been refreshed.
const STALE: u64 = 500;

/// The quality of a number as OPC has them: its upper two bits of eight.
pub(crate) const fn quality(number: Option<u64>) -> Quality {
    match number {
        None => Quality::Good,
        Some(STALE) => Quality::Bad,
        Some(number) => match number & 0xc0 {
            0xc0 => Quality::Good,
            0x40 => Quality::Uncertain,
            _ => Quality::Bad,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_are_those_of_opc_and_stale() {
        assert_eq!(quality(None), Quality::Good);
        assert_eq!(quality(Some(192)), Quality::Good);
        assert_eq!(quality(Some(216)), Quality::Good);
        assert_eq!(quality(Some(64)), Quality::Uncertain);
        assert_eq!(quality(Some(0)), Quality::Bad);
        assert_eq!(quality(Some(500)), Quality::Bad);
    }
}
