//! The handler: it works on each committed record at least once, and keeps a durable cursor.

use crate::plant::Plant;
use crate::queue::Happens;
use crate::words::MS;
use crate::world::World;

impl World {
    /// The handler takes what is committed, works on it, and saves how far it is.
    pub(crate) fn handle(&mut self, node: usize) {
        let first = self.plant == Some(Plant::CursorFirst);
        let boot = self.nodes[node].boot;
        let at = &mut self.nodes[node];
        let Some(process) = &mut at.process else {
            return;
        };
        let mut saves = [None; 2];
        for lane in [0, 1] {
            // A cursor that the active told of while this node followed.
            process.cursor[lane] = process.cursor[lane].max(at.disk.cursor[lane]);
            let end = process.committed[lane];
            let from = process.cursor[lane];
            if process.leads.is_none() || end <= from {
                continue;
            }
            if !first {
                for place in from + 1..=end {
                    if let Some(entry) = at.disk.lanes[lane].at(place) {
                        self.oracle.handled(lane, place, entry);
                    }
                }
            }
            process.cursor[lane] = end;
            saves[lane] = Some(end);
            if first {
                process.taken[lane] = from;
                at.disk.cursor[lane] = end;
            }
        }
        for (lane, place) in (0..).zip(saves) {
            if let Some(place) = place {
                let saved = Happens::CursorSaved {
                    node: node as u8,
                    boot,
                    lane,
                    place: u32::try_from(place).unwrap_or(u32::MAX),
                };
                self.after(MS, saved);
            }
        }
        let again = Happens::Handle {
            node: node as u8,
            boot,
        };
        self.after(5 * MS, again);
    }

    pub(crate) fn cursor_saved(&mut self, node: usize, lane: usize, place: u64) {
        let first = self.plant == Some(Plant::CursorFirst);
        let at = &mut self.nodes[node];
        if first && let Some(process) = &at.process {
            for place in process.taken[lane] + 1..=place {
                if let Some(entry) = at.disk.lanes[lane].at(place) {
                    self.oracle.handled(lane, place, entry);
                }
            }
        }
        at.disk.cursor[lane] = at.disk.cursor[lane].max(place);
    }
}
