//! Fuzz target: the session machine of the MQTT station, with whatever packets a client sends, in
//! every state. The first byte gives limits; then each step is a letter:
//!
//! - `p`, a length, so many bytes: the client sends them. CONNECT begins a connection.
//! - `c`, `C`: the oldest submit of the normal, the critical lane is durable. `f`, `F`: the next one is
//!   refused, if none is on its way.
//! - `0`, `1`, `2`: a record of that quality of service for the client. `s`: one of a shared group.
//! - `w`: what may be sent is sent. `j`: what the session is behind by is fed to it.
//! - `m`: a note of the sent is taken. `n`: it is durable. `N`: it never will be.
//! - `r`: retention removes all records. `d`: the connection is lost. `k`: the node is killed.

mod machine;
mod promises;

use self::machine::Machine;

/// Runs the target on one input.
///
/// # Panics
/// If something is acknowledged that is not durable, or out of turn; if a QoS 2 message is taken or
/// given twice; if more is sent than the client takes; if a place is noted beyond what is delivered.
pub fn run(data: &[u8]) {
    let [how, script @ ..] = data else { return };
    let mut machine = Machine::new(*how);
    let mut rest = script;
    while let [step, after @ ..] = rest {
        rest = after;
        if *step == b'p' {
            let [length, after @ ..] = rest else { return };
            let (bytes, after) = after.split_at(usize::from(*length).min(after.len()));
            machine.packets(bytes);
            rest = after;
        } else {
            machine.step(*step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator as good as needed here (xorshift), so that each run tries the same.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, end: u64) -> u8 {
            u8::try_from(self.next() % end).unwrap()
        }
    }

    const CONNECTS: [&[u8]; 4] = [
        b"\x10\x0f\0\x04MQTT\x04\0\0\0\0\x03abc",
        b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a",
        b"\x10\x15\0\x04MQTT\x05\0\0\0\x05\x11\0\0\0\x09\0\x03abc",
        b"\x10\x18\0\x04MQTT\x05\x02\0\0\x08\x11\0\0\0\x09\x21\0\x01\0\x03abc",
    ];

    /// A packet of a client that knows what it does, with an identifier of few.
    fn packet(random: &mut Random, is_v5: bool) -> Vec<u8> {
        let id = random.below(4) + 1;
        let topic = [b't', b'c', b'x'][usize::from(random.below(3))];
        let kind = random.below(9);
        let mut packet = match kind {
            0..=3 => {
                let flags = [0x30, 0x32, 0x34, 0x3c][usize::from(kind)];
                let mut packet = vec![flags, 0, 0, 1, topic];
                packet.extend((kind > 0).then_some([0, id]).into_iter().flatten());
                packet.extend(is_v5.then_some(0));
                packet.push(b'!');
                packet
            }
            4 => vec![0x40, 0, 0, id],
            5 => vec![0x50, 0, 0, id],
            6 => vec![0x62, 0, 0, id],
            7 => vec![0x70, 0, 0, id],
            _ => vec![0xc0, 0],
        };
        packet[1] = u8::try_from(packet.len() - 2).unwrap();
        packet
    }

    fn script(random: &mut Random) -> Vec<u8> {
        let mut script = vec![random.below(256)];
        let mut connect = CONNECTS[usize::from(random.below(4))];
        for _ in 0..120 {
            let step = b"ppppppppcCcCfF0112211sswwwwjjmnmnNrdk"[usize::from(random.below(37))];
            if step != b'p' {
                script.push(step);
                continue;
            }
            let begins = random.below(4) == 0;
            let bytes = if begins {
                connect = CONNECTS[usize::from(random.below(4))];
                connect.to_vec()
            } else {
                packet(random, connect[8] == 5)
            };
            script.push(b'p');
            script.push(u8::try_from(bytes.len()).unwrap());
            script.extend(bytes);
        }
        script
    }

    #[test]
    fn clients_that_say_anything_break_no_promise() {
        let scripts = std::env::var("SPICA_FUZZ").map_or(3_000, |count| count.parse().unwrap());
        let mut random = Random(0x5eed);
        for _ in 0..scripts {
            run(&script(&mut random));
        }
    }
}
