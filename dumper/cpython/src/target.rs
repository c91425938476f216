//! CPython as a target of memdump: how the interpreter is held still, and how its heap is written.

use std::fmt::Write as _;
use std::io::Write;

use memdump_dumper::{
    DumpFile, MemoryFault, SnapshotContext, Target, WalkError, WalkSummary, protect,
};
use memdump_format::{WriteError, Writer};

use crate::births::{self, Births};
use crate::collector::Collector;
use crate::edges::Interpreter;
use crate::gil::Gil;
use crate::roots::RootSource;
use crate::values::{self, Values};
use crate::walk::{Told, Walk, walk_error};

/// All objects lie at multiples of 8 bytes.
const ADDRESS_SHIFT: u8 = 3;

/// The interpreter of this process.
pub(crate) struct CPython {
    pub(crate) python: Interpreter,
    pub(crate) collector: Collector,
    /// `3.11.7`.
    pub(crate) version: String,
    /// With which contents are hashed.
    pub(crate) key: Option<values::Key>,
}

impl Target for CPython {
    fn hold_still(&self, clone_now: &mut dyn FnMut()) -> Result<(), String> {
        let _gil = Gil::take().ok_or("the interpreter is shutting down")?;
        if let Some(gap) = births::check() {
            memdump_dumper::notice(&gap);
        }
        clone_now();
        births::advance();
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
        let births = births::now();
        if births.is_some() {
            writer = writer.with_births();
        }
        write_identity(&mut writer, births).map_err(walk_error)?;
        context.write_metadata(&mut writer).map_err(walk_error)?;

        let values = Values::of(context.values, self.key);
        if values.is_some() {
            writer = writer.with_values();
            let how = context.values.to_string();
            writer.metadata("values", &how).map_err(walk_error)?;
        }
        let told = Told {
            keys: context.labels,
            births,
            values,
        };
        let mut walk = Walk::new(self.python, &self.collector, writer, told);
        landed(&mut walk, Walk::heap, Walk::give_up_ring);
        for source in RootSource::ALL {
            let mut begun = false;
            let part = |walk: &mut Walk<_>| {
                // Once: begun again it would write the same roots, and meet the same fault.
                match std::mem::replace(&mut begun, true) {
                    false => walk.roots(source),
                    true => walk.drain(),
                }
            };
            landed(&mut walk, part, |_| {});
        }
        let mut told = false;
        let types = |walk: &mut Walk<_>| {
            if !std::mem::replace(&mut told, true) {
                walk.tell_types(context);
            }
        };
        landed(&mut walk, types, |_| {});
        let faults = walk.faults();

        context
            .write_cost(&mut walk.graph.writer)
            .map_err(walk_error)?;
        let (mut out, counts) = walk.finish()?;
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

fn write_identity<W: Write>(
    writer: &mut Writer<W>,
    births: Option<Births>,
) -> Result<(), WriteError> {
    let Some(births) = births else {
        return writer.metadata("identity", "address");
    };
    writer.metadata("identity", "exact")?;
    writer.metadata("watermark", &births.watermark().to_string())?;
    writer.metadata("marked_since", &births.since().to_string())
}

/// Runs one part of a walk to its end over whatever faults it meets.
fn landed<W: Write>(
    walk: &mut Walk<W>,
    mut part: impl FnMut(&mut Walk<W>),
    mut give_up: impl FnMut(&mut Walk<W>),
) {
    let mut place = walk.place();
    loop {
        match survive(walk, &mut part) {
            Ok(()) => return,
            Err(fault) => {
                walk.fault(fault);
                // An object is taken off before it is read, so whatever faults twice at one place is not an object.
                if walk.place() == place {
                    give_up(walk);
                }
                place = walk.place();
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
