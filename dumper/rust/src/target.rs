//! This program as a target of memdump.

use std::io::Write as _;
use std::ops::Range;

use memdump_dumper::{DumpFile, SnapshotContext, Target, WalkError, WalkSummary};
use memdump_format::{RootKind, StringId, WriteError, Writer};

use crate::images::{self, Image, Mapping};
use crate::stack_frames::{self, Top};
use crate::threads::{self, Thread};
use crate::walk::{Region, RegionName, Walk};
use crate::{births, local, map, sites, thread_locals};

/// Blocks lie at multiples of 16 bytes.
const ADDRESS_SHIFT: u8 = 4;
const PRODUCER: &str = concat!("memdump-rust ", env!("CARGO_PKG_VERSION"));
/// What libc keeps behind the thread pointer, and the room that it leaves for libraries that are loaded later.
const BESIDE_THREAD_LOCALS: usize = 4096;

/// Whose heap it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// That of a program in Rust, which has declared its allocator.
    #[default]
    Rust,
    /// That of a program in any language, which allocates by `malloc`.
    Malloc,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Runtime::Rust => "Rust",
            Runtime::Malloc => "malloc",
        }
    }
}

/// The program that this is linked into.
pub(crate) struct NativeProgram(pub(crate) Runtime);

impl Target for NativeProgram {
    fn hold_still(&self, clone_now: &mut dyn FnMut()) -> Result<(), String> {
        let held = threads::stop(local::with(|local| local.is_agent.get()));
        births::end_runs();
        clone_now();
        drop(held);
        Ok(())
    }

    fn enter_agent(&self) {
        local::enter_agent();
    }

    fn walk(&self, out: DumpFile, context: &SnapshotContext) -> Result<WalkSummary, WalkError> {
        let mut writer = Writer::new(out, ADDRESS_SHIFT)?.with_births().with_native();
        write_facts(&mut writer, self.0, context)?;
        let mappings = images::mappings();
        let images = images::images(&mappings);

        let constants = images::constants(&mappings);
        let mut walk = Walk::new(writer, births::watermark(), constants);
        walk.find_own();
        walk.sift();
        walk.tell_blocks();
        walk.tell_own();
        tell_statics(&mut walk, &images);
        tell_threads(&mut walk, &mappings, &images, context.pid);
        walk.tell_types(&images, context);
        walk.tell_modules(&images);

        let mut writer = walk.finish()?;
        context.write_cost(&mut writer)?;
        let (mut out, counts) = writer.finish()?;
        out.flush()?;
        Ok(WalkSummary {
            objects: counts.objects,
            references: counts.references,
            bytes: out.written(),
            faults: counts.faults,
        })
    }
}

fn write_facts(
    writer: &mut Writer<DumpFile>,
    runtime: Runtime,
    context: &SnapshotContext,
) -> Result<(), WriteError> {
    writer.metadata("producer", PRODUCER)?;
    writer.metadata("runtime", runtime.name())?;
    writer.metadata("native", "conservative")?;
    if births::is_used_up() {
        writer.metadata("identity", "address")?;
    } else {
        writer.metadata("identity", "exact")?;
        writer.metadata("watermark", &births::watermark().to_string())?;
        // Every block since the program's first has a serial.
        writer.metadata("marked_since", "0")?;
    }
    for (key, count) in [
        ("blocks_missed", map::missed()),
        ("threads_not_held", threads::not_held()),
        ("stacks_not_kept", sites::unkept()),
        ("holding_us", threads::holding_us()),
    ] {
        if count > 0 {
            writer.metadata(key, &count.to_string())?;
        }
    }
    context.write_metadata(writer)
}

fn tell_statics(walk: &mut Walk<DumpFile>, images: &[Image]) {
    for image in images {
        for addresses in &image.writable {
            let region = Region {
                addresses: addresses.clone(),
                kind: RootKind::Static,
                thread: None,
                name: RegionName::Places(image),
            };
            walk.tell_region(&region, false);
        }
    }
}

fn tell_threads(walk: &mut Walk<DumpFile>, mappings: &[Mapping], images: &[Image], process: u32) {
    let names = ["thread-local", "registers", "stack"].map(|name| walk.string(name));
    let [Some(locals), Some(registers), Some(stack)] = names else {
        return;
    };
    let code: Vec<Range<usize>> = images.iter().map(|image| image.addresses.clone()).collect();
    // This frame lies below all that the thread of a direct call was doing: the snapshot process goes on on its stack.
    let here = (&raw const stack).addr();
    for thread in threads::stopped() {
        let name = name_of(&thread, process);
        let name = name.and_then(|name| walk.string(&name));
        let registers = RegionName::Whole(registers);
        let saved = Region::of_thread(0..0, RootKind::Thread, name, registers);
        for (number, &value) in thread.registers.iter().enumerate() {
            walk.tell_root(&saved, number * size_of::<usize>(), value);
        }
        let (pointer, top) = match thread.asked {
            true => (Some(here), Top::default()),
            false => (thread.stack, thread.top),
        };
        let used = pointer.and_then(|pointer| {
            let mapping = mapping_of(mappings, pointer)?;
            Some(pointer..mapping.addresses.end)
        });
        let memory = match thread.id == process as i32 {
            true => thread_locals::of_first_thread()
                .and_then(|at| Memory::of_thread(at, BESIDE_THREAD_LOCALS, mappings, images)),
            // The room for libraries that are loaded later is taken for the stack's outermost frame, rather than frames for that.
            false => (used.clone().and_then(thread_locals::above))
                .and_then(|at| Memory::of_thread(at, 0, mappings, images)),
        };
        if let Some(mut addresses) = used {
            // Other threads have it at the upper end of their stacks.
            if let Some(memory) = &memory
                && addresses.contains(&memory.all.start)
            {
                addresses.end = memory.all.start;
            }
            let frames = stack_frames::frames(&addresses, top, &code);
            let frames = RegionName::Frames {
                frames: &frames,
                images,
                outside: stack,
            };
            walk.tell_region(
                &Region::of_thread(addresses, RootKind::Frame, name, frames),
                true,
            );
        }
        for (addresses, kind_of_name) in memory.iter().flat_map(|memory| memory.parts(locals)) {
            let region = Region::of_thread(addresses, RootKind::Thread, name, kind_of_name);
            walk.tell_region(&region, false);
        }
    }
}

/// A thread's thread-local memory.
struct Memory<'a> {
    all: Range<usize>,
    /// Where the variables of the program itself lie.
    of_program: Option<(&'a Image, Range<usize>)>,
}

impl<'a> Memory<'a> {
    /// Below the thread pointer on x86-64, above it elsewhere; both sides are taken, as far as they are mapped, and so much more below.
    fn of_thread(
        pointer: usize,
        more: usize,
        mappings: &[Mapping],
        images: &'a [Image],
    ) -> Option<Memory<'a>> {
        let mapping = mapping_of(mappings, pointer)?;
        let size = images
            .iter()
            .filter_map(|image| image.thread_locals)
            .map(|locals| locals.size.saturating_add(locals.alignment))
            .fold(0, usize::saturating_add);
        let (below, above) = (
            size.saturating_add(more),
            size.saturating_add(BESIDE_THREAD_LOCALS),
        );
        let start = pointer.saturating_sub(below).max(mapping.addresses.start);
        let end = pointer.saturating_add(above).min(mapping.addresses.end);
        let of_program = thread_locals::program(images)
            .and_then(|image| Some((image, thread_locals::of_image(image, pointer)?)))
            .filter(|(_, own)| start <= own.start && own.end <= end);
        Some(Memory {
            all: start..end,
            of_program,
        })
    }

    /// Its parts, by what the places in them are called; `other` is the name of those of nobody knows what.
    fn parts(&self, other: StringId) -> Vec<(Range<usize>, RegionName<'a>)> {
        let other = RegionName::Whole(other);
        match &self.of_program {
            None => vec![(self.all.clone(), other)],
            Some((image, own)) => vec![
                (self.all.start..own.start, other),
                (own.clone(), RegionName::ThreadLocals(image)),
                (own.end..self.all.end, other),
            ],
        }
    }
}

/// The thread's name as the kernel has it; `None` for a thread that has ended meanwhile.
fn name_of(thread: &Thread, process: u32) -> Option<String> {
    let path = format!("/proc/{process}/task/{}/comm", thread.id);
    let name = std::fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

fn mapping_of(mappings: &[Mapping], address: usize) -> Option<&Mapping> {
    let mapping = mappings
        .iter()
        .find(|mapping| mapping.addresses.contains(&address))?;
    mapping.is_writable.then_some(mapping)
}
