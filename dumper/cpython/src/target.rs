//! CPython as a target of memdump: how the interpreter is held still, and how its heap is written.

use std::fmt::Write as _;
use std::io::Write;

use memdump_dumper::{
    DumpFile, MemoryFault, SnapshotContext, Target, WalkError, WalkSummary, protect,
};
use memdump_format::Writer;

use crate::collector::Collector;
use crate::edges::Interpreter;
use crate::gil::Gil;
use crate::roots::RootSource;
use crate::walk::{Walk, walk_error};

/// All objects lie at multiples of 8 bytes.
const ADDRESS_SHIFT: u8 = 3;

/// Faults without any progress between them, after which a part of the heap is given up.
const PATIENCE: u32 = 16;

/// The interpreter of this process.
pub(crate) struct CPython {
    pub(crate) python: Interpreter,
    pub(crate) collector: Collector,
    /// `3.11.7`.
    pub(crate) version: String,
}

impl Target for CPython {
    fn hold_still(&self, clone_now: &mut dyn FnMut()) -> Result<(), String> {
        let _gil = Gil::take().ok_or("the interpreter is shutting down")?;
        clone_now();
        Ok(())
    }

    fn walk(&self, out: DumpFile, context: &SnapshotContext) -> Result<WalkSummary, WalkError> {
        let mut writer = Writer::new(out, ADDRESS_SHIFT).map_err(walk_error)?;
        writer.metadata("producer", PRODUCER).map_err(walk_error)?;
        let mut runtime = crate::text::Text::new(64);
        let _ = write!(runtime, "CPython {}", self.version);
        writer
            .metadata("runtime", runtime.as_str())
            .map_err(walk_error)?;
        writer.metadata("identity", "address").map_err(walk_error)?;
        context.write_metadata(&mut writer).map_err(walk_error)?;

        let mut walk = Walk::new(self.python, &self.collector, writer, context.labels);
        let heap = landed(&mut walk, Walk::heap, Walk::give_up_ring);
        let roots = RootSource::ALL.map(|source| {
            let mut begun = false;
            let part = |walk: &mut Walk<_>| {
                // Once: begun again it would write the same roots, and meet the same fault.
                match std::mem::replace(&mut begun, true) {
                    false => walk.roots(source),
                    true => walk.drain(),
                }
            };
            landed(&mut walk, part, |_| {})
        });
        let faults = heap + roots.iter().sum::<u64>();

        context
            .write_cost(&mut walk.graph.writer)
            .map_err(walk_error)?;
        let (mut out, counts, _) = walk.finish()?;
        out.flush()?;
        Ok(WalkSummary {
            objects: counts.objects,
            references: counts.references,
            bytes: out.written(),
            faults,
        })
    }
}

const PRODUCER: &str = concat!("memdump-cpython ", env!("CARGO_PKG_VERSION"));

/// Runs one part of a walk to its end over whatever faults it meets; how many those were.
fn landed<W: Write>(
    walk: &mut Walk<W>,
    mut part: impl FnMut(&mut Walk<W>),
    mut give_up: impl FnMut(&mut Walk<W>),
) -> u64 {
    let mut faults = 0;
    let mut stuck = 0;
    loop {
        match survive(walk, &mut part) {
            Ok(()) => return faults,
            Err(fault) => {
                faults += 1;
                let before = walk.progress();
                walk.fault(fault);
                // Roots are written in one go: what comes behind a fault there is lost, but the objects it met are not.
                stuck = if walk.progress().0 > before.0 {
                    0
                } else {
                    stuck + 1
                };
                if stuck > PATIENCE {
                    give_up(walk);
                    stuck = 0;
                }
            }
        }
    }
}

#[allow(unsafe_code)]
fn survive<W: Write>(
    walk: &mut Walk<W>,
    part: &mut impl FnMut(&mut Walk<W>),
) -> Result<(), MemoryFault> {
    // SAFETY: the walk keeps its state in `walk`, outside of the frames that are jumped over; on these are only addresses,
    // copies and borrows. It changes a collection of its own only between two reads of the heap, never around one.
    unsafe { protect(&mut || part(walk)) }
}
