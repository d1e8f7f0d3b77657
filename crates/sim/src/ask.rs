//! Questions to the witness, and its answers: each may be lost, and come late.

use spica_model::Epoch;
use spica_pair::Event;
use spica_pair::witness::{self, Answer};

use crate::plant::Plant;
use crate::queue::Happens;
use crate::words::{MS, NODES};
use crate::world::World;

impl World {
    /// A question to the witness sets out.
    pub(crate) fn ask(&mut self, node: usize, question: witness::Question) {
        let boot = self.nodes[node].boot;
        let time = self.net.travel(node, &mut self.chance);
        let node_u8 = node as u8;
        if self.net.witness[node][0] == 0 {
            let asked = Happens::Asked {
                node: node_u8,
                boot,
                epoch: question.epoch,
                basis: question.basis,
            };
            self.after(time, asked);
        }
        // The shell's own patience; an answer that comes after all is heard too.
        let given_up = Happens::Answered {
            node: node_u8,
            boot,
            epoch: question.epoch,
            answer: Answer::Unreachable,
        };
        self.after(30 * MS, given_up);
    }

    pub(crate) fn asked(&mut self, node: usize, boot: u32, epoch: Epoch, basis: Epoch) {
        let (recorded, gone) = self.witness;
        if gone > 0 {
            return;
        }
        let question = witness::Question { epoch, basis };
        let answer = match self.plant {
            Some(Plant::WitnessIgnoresBasis) => {
                let basis = basis.max(epoch);
                witness::judge(recorded, witness::Question { epoch, basis })
            }
            _ => witness::judge(recorded, question),
        };
        self.trace.note(self.now, || {
            format!(
                "witness, recorded {recorded:?}: {} asks {question:?}: {answer:?}",
                NODES[node]
            )
        });
        if answer == Answer::Granted {
            self.witness.0 = Some(epoch);
            self.oracle.granted(epoch);
        }
        if self.net.witness[node][1] == 0 {
            let time = self.net.travel(node, &mut self.chance);
            let answered = Happens::Answered {
                node: node as u8,
                boot,
                epoch,
                answer,
            };
            self.after(time, answered);
        }
    }

    pub(crate) fn answered(&mut self, node: usize, epoch: Epoch, answer: Answer) {
        self.event(node, Event::Witness { epoch, answer });
    }
}
