//! Commands: carried out once, answered as often as they come.

use std::sync::Arc;

use spica_model::Timestamp;

use super::{Device, unix_secs};
use crate::event::{Detail, Event};
use crate::ledger::Order;
use crate::wire::{self, Fields, kind};

impl Device {
    /// Carries a command out unless it was carried out before: then only the answer is repeated.
    pub(super) fn command(
        &mut self,
        id: u16,
        code: u8,
        arguments: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
    ) {
        let same =
            |order: &Order| order.id == id && order.code == code && order.arguments == arguments;
        let at = self.books.orders.iter().rposition(same).unwrap_or_else(|| {
            let result = self.carry_out(code, arguments, now);
            let arguments = arguments.to_vec();
            let order = Order {
                id,
                code,
                arguments,
                result,
                deliveries: 0,
                told: false,
            };
            self.books.orders.push(order);
            self.books.orders.len() - 1
        });
        let order = &mut self.books.orders[at];
        order.deliveries += 1;
        let [low, high] = id.to_le_bytes();
        wire::encode(kind::RESULT, &[low, high, order.result], out);
    }

    fn carry_out(&mut self, code: u8, arguments: &[u8], now: Timestamp) -> u8 {
        const DONE: u8 = 0;
        const UNKNOWN: u8 = 1;
        const BAD_ARGUMENTS: u8 = 2;
        let mut fields = Fields(arguments);
        match code {
            // The fleet's plan decides about visits, whatever the station wants.
            1 if fields.u16().is_none_or(|minutes| minutes == 0) => return BAD_ARGUMENTS,
            2 => {
                let seed = self.seed ^ u64::from(unix_secs(now));
                self.take_picture(seed, 4_000, now);
            }
            3 if std::str::from_utf8(arguments).is_err() => return BAD_ARGUMENTS,
            4 => self.record(Event::STATUS_CHECK, Arc::new(Detail::default()), now),
            1 | 3 | 5 | 6 => {}
            _ => return UNKNOWN,
        }
        DONE
    }
}
