//! The toy's heap: a chain of objects at made-up addresses.

use std::time::Duration;

use memdump_dumper::{DumpFile, SnapshotContext, Target, WalkError, WalkSummary, protect};
use memdump_format::{
    Address, Fault, Label, Object, ObjectFlags, Reference, Strength, Type, TypeFlags, Writer,
};

/// `TOY_OBJECTS` objects, each with a reference to the next; `TOY_HOLD_MS` is how long the runtime takes to hold still.
pub(crate) struct ToyHeap;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Addresses that do not compress: a bijection of 32 bits.
fn scattered(n: u64) -> u64 {
    let mixed = (n as u32).wrapping_mul(2_654_435_761);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519);
    0x10_0000 + 8 * u64::from(mixed ^ (mixed >> 13))
}

impl Target for ToyHeap {
    fn hold_still(&self, clone_now: &mut dyn FnMut()) -> Result<(), String> {
        if std::env::var_os("TOY_REFUSES").is_some() {
            return Err("the toy does not want to".into());
        }
        std::thread::sleep(Duration::from_millis(number("TOY_HOLD_MS", 0)));
        clone_now();
        Ok(())
    }

    fn walk(&self, out: DumpFile, context: &SnapshotContext) -> Result<WalkSummary, WalkError> {
        let mut writer = Writer::new(out, 3)?;
        context.write_metadata(&mut writer)?;
        writer.metadata("producer", "toy")?;
        let module = writer.string("toy")?;
        let name = writer.string("Link")?;
        let type_id = writer.define_type(&Type {
            address: Address(0),
            module,
            name,
            flags: TypeFlags::default(),
        })?;
        let count = number("TOY_OBJECTS", 1000);
        let mut addresses = Vec::new();
        for n in 0..count {
            // Allocates as a walk does: a growing vector, and short-lived boxes.
            addresses.push(Box::new(scattered(n)));
        }
        for (n, address) in addresses.iter().enumerate() {
            let id = writer.object(&Object {
                address: Address(**address),
                type_id,
                size: 32,
                refcount: Some(1),
                flags: ObjectFlags::TRACKED,
                serial: None,
            })?;
            if let Some(next) = addresses.get(n + 1) {
                let reference = Reference {
                    target: Address(**next),
                    label: Label::Index(0),
                    strength: Strength::Strong,
                    offset: 0,
                };
                writer.reference(id, &reference)?;
            }
        }
        // Damaged memory, which costs a fault and not the dump. The closure has nothing to be dropped.
        // SAFETY: see above.
        let fault = unsafe {
            protect(&mut || {
                std::ptr::without_provenance::<u8>(64).read_volatile();
            })
        };
        if let Err(fault) = fault {
            let message = writer.string(&format!("signal {}", fault.signal))?;
            let address = Address(fault.address as u64);
            writer.fault(&Fault { address, message })?;
        }
        context.write_cost(&mut writer)?;
        let bytes = writer.bytes_written();
        let (_, counts) = writer.finish()?;
        Ok(WalkSummary {
            objects: counts.objects,
            references: counts.references,
            bytes,
            faults: counts.faults,
        })
    }
}
