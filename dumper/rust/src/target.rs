//! This program as a target of memdump.

use std::io::Write as _;
use std::ops::Range;

use memdump_dumper::{DumpFile, SnapshotContext, Target, WalkError, WalkSummary};
use memdump_format::{RootKind, WriteError, Writer};

use crate::images::{self, Image, Mapping};
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
    // This frame lies below all that the thread of a direct call was doing: the snapshot process goes on on its stack.
    let here = &raw const stack;
    for thread in threads::stopped() {
        let name = name_of(&thread, process);
        let name = name.and_then(|name| walk.string(&name));
        let region = |addresses, kind, text| Region {
            addresses,
            kind,
            thread: name,
            name: RegionName::Whole(text),
        };
        if thread.id == process as i32
            && let Some(addresses) = first_thread_locals(mappings, images)
        {
            walk.tell_region(&region(addresses, RootKind::Thread, locals), false);
        }
        let saved = region(0..0, RootKind::Thread, registers);
        for (number, &value) in thread.registers.iter().enumerate() {
            walk.tell_root(&saved, number * size_of::<usize>(), value);
        }
        let pointer = match thread.asked {
            true => Some(here.addr()),
            false => thread.stack,
        };
        let end = pointer.and_then(|pointer| {
            let mapping = mapping_of(mappings, pointer)?;
            Some(pointer..mapping.addresses.end)
        });
        if let Some(addresses) = end {
            walk.tell_region(&region(addresses, RootKind::Frame, stack), true);
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

/// The first thread's thread-local memory: below its thread pointer on x86-64, above it elsewhere; both sides are taken, as far as
/// they are mapped.
fn first_thread_locals(mappings: &[Mapping], images: &[Image]) -> Option<Range<usize>> {
    let pointer = thread_locals::of_first_thread()?;
    let mapping = mapping_of(mappings, pointer)?;
    let size = images
        .iter()
        .map(|image| image.thread_local)
        .fold(BESIDE_THREAD_LOCALS, usize::saturating_add);
    let start = pointer.saturating_sub(size).max(mapping.addresses.start);
    let end = pointer.saturating_add(size).min(mapping.addresses.end);
    Some(start..end)
}
