//! The shapes of filters: which levels are `+` and which are literals, without the literals.

use slab::Slab;

/// The root, which stays.
const ROOT: u32 = 0;

/// A trie of shapes, in which each filter counts at every node on its way.
#[derive(Debug)]
pub(crate) struct Shapes(Slab<Shape>);

#[derive(Debug, Default)]
struct Shape {
    /// What follows with a literal, and with `+`; [`ROOT`] for nothing.
    next: [u32; 2],
    /// Filters that pass here or end here.
    filters: u32,
}

impl Default for Shapes {
    fn default() -> Self {
        let mut shapes = Slab::new();
        shapes.insert(Shape::default());
        Self(shapes)
    }
}

/// The levels of a filter before its `#`, as what they are: 1 for `+`, 0 for a literal.
fn steps(filter: &str) -> impl Iterator<Item = usize> {
    let levels = filter.split('/').take_while(|level| *level != "#");
    levels.map(|level| usize::from(level == "+"))
}

impl Shapes {
    /// How many nodes there are, the root among them.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many more there would be with this filter.
    pub(crate) fn missing(&self, filter: &str) -> usize {
        let mut steps = steps(filter);
        let mut at = ROOT;
        while let Some(step) = steps.next() {
            at = self.0[at as usize].next[step];
            if at == ROOT {
                return 1 + steps.count();
            }
        }
        0
    }

    pub(crate) fn add(&mut self, filter: &str) {
        let mut at = ROOT as usize;
        for step in steps(filter) {
            let mut next = self.0[at].next[step];
            if next == ROOT {
                next = u32::try_from(self.0.insert(Shape::default())).unwrap_or(ROOT);
                self.0[at].next[step] = next;
            }
            at = next as usize;
            self.0[at].filters += 1;
        }
    }

    /// Undoes one [`Shapes::add`] of the same filter.
    pub(crate) fn remove(&mut self, filter: &str) {
        let mut at = ROOT as usize;
        let mut is_going = false;
        for step in steps(filter) {
            let next = self.0[at].next[step];
            if is_going {
                self.0.remove(at);
            } else if self.0[next as usize].filters == 1 {
                // Nothing else goes this way: cut it off here, and remove what hangs on it.
                self.0[at].next[step] = ROOT;
                is_going = true;
            }
            at = next as usize;
            self.0[at].filters -= 1;
        }
        if is_going {
            self.0.remove(at);
        }
    }
}
