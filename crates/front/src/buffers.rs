//! What worker threads lend, so that idle connections own nothing.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// A larger buffer for output is given back: no worker thread keeps it for ever.
const WRITE_BYTES_KEPT: usize = 64 << 10;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new());
    static FRAMES: RefCell<Buffers> = RefCell::new(Buffers::new());
}

/// What a worker thread lends to the connection that it is just working on.
#[derive(Debug)]
pub struct Buffers {
    /// For what is read, 16 KiB; its content means nothing.
    pub input: Box<[u8]>,
    /// For what is to be written; empty.
    pub output: Vec<u8>,
}

impl Buffers {
    fn new() -> Self {
        Self {
            input: vec![0; READ_BYTES].into(),
            output: Vec::new(),
        }
    }

    fn rest(&mut self) {
        self.output.clear();
        self.output.shrink_to(WRITE_BYTES_KEPT);
    }
}

/// Lends this thread's buffers to `work`, which must not ask for them again.
pub fn with_buffers<T>(work: impl FnOnce(&mut Buffers) -> T) -> T {
    lend(&BUFFERS, work)
}

/// The same for frames around a station's bytes, while it has the others.
pub(crate) fn with_frame_buffers<T>(work: impl FnOnce(&mut Buffers) -> T) -> T {
    lend(&FRAMES, work)
}

fn lend<T>(
    buffers: &'static LocalKey<RefCell<Buffers>>,
    work: impl FnOnce(&mut Buffers) -> T,
) -> T {
    buffers.with_borrow_mut(|buffers| {
        let result = work(buffers);
        buffers.rest();
        result
    })
}
