//! Writes a dump as a stream, in memory that is taken once.
//!
//! The writer runs in the copy of a foreign process: after [`Writer::new`] it allocates nothing, takes no lock and does nothing to its
//! sink but [`Write::write_all`]. Records are collected raw, one array per field; a full block is encoded column by column.

mod block;
mod index;
mod native;
mod objects;
mod output;
mod records;
mod references;
mod text;

use std::io::{self, Write};

use crate::Counts;
use crate::ids::{Address, ObjectId, StringId, TypeId};
use crate::layout::MAX_ADDRESS_SHIFT;
use crate::model::{Fault, Module, Object, Reference, Root, Site, Type, Vtable};
use native::Native;
use objects::Objects;
use output::Output;
use records::{Faults, Roots, Types};
use references::References;
use text::{Metadata, Strings, Values};

/// Why a dump cannot be written (any further).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The sink failed.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// Ids have 32 bits.
    #[error("more {what} than 32-bit ids can name")]
    TooMany {
        /// "objects", "types", "strings".
        what: &'static str,
    },
    /// An address that is no multiple of `1 << address_shift`. The record was not taken; the writer goes on.
    #[error("address {address} is not a multiple of {}", 1u32 << shift)]
    Misaligned {
        /// The address.
        address: Address,
        /// The file's `address_shift`.
        shift: u8,
    },
    /// References of an earlier object came after those of a later one.
    #[error("references of object {} after those of object {}", source_object.0, last.0)]
    SourceOrder {
        /// The source that came too late.
        source_object: ObjectId,
        /// The source before.
        last: ObjectId,
    },
    /// A value of an object that is no later one than that of the value before.
    #[error("the value of object {} after that of object {}", object.0, last.0)]
    ValueOrder {
        /// The object that came too late.
        object: ObjectId,
        /// The object before.
        last: ObjectId,
    },
    /// A record named an id whose own record never came.
    #[error("{what} {id} was named, but never written")]
    NeverWritten {
        /// "object", "type".
        what: &'static str,
        /// The greatest such id.
        id: u32,
    },
    /// `address_shift` is above 12.
    #[error("an address shift of {0}, at most 12 is allowed")]
    AddressShift(u8),
    /// zstd refused its workspace.
    #[error("zstd cannot be set up")]
    Compressor,
    /// A record did not fit the room that is kept for it: a mistake in this crate.
    #[error("a block did not fit its buffer")]
    NoRoom,
    /// An earlier error ended the dump.
    #[error("the dump has failed before")]
    Failed,
}

/// How much a writer collects before it writes a block. The default is right for dumps; small blocks are for tests of readers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Objects in a block; at most and by default 32,768.
    pub objects: usize,
    /// References in a block; at most and by default 32,768.
    pub references: usize,
    /// Records in a block of any other kind; at most and by default 4,096.
    pub records: usize,
    /// Blocks in an index block; at most and by default 4,096.
    pub index: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            objects: objects::CAPACITY,
            references: references::CAPACITY,
            records: records::CAPACITY,
            index: index::CAPACITY,
        }
    }
}

/// Writes a dump. See the [module](self) for what it may do, and FORMAT.md for what it writes.
///
/// Every error but [`WriteError::Misaligned`] ends the dump: all later calls fail with [`WriteError::Failed`].
pub struct Writer<W: Write> {
    output: Output<W>,
    objects: Objects,
    references: References,
    types: Types,
    strings: Strings,
    roots: Roots,
    faults: Faults,
    metadata: Metadata,
    /// Only of a dump that tells values.
    values: Option<Values>,
    /// Only of a dump of a native heap.
    native: Option<Native>,
    limits: Limits,
    /// The bits that an address may not have.
    misaligned: u64,
}

impl<W: Write> Writer<W> {
    /// Takes all memory (under 5 MiB) and writes the header. All addresses must be multiples of `1 << address_shift`.
    ///
    /// # Errors
    /// If the sink fails, or the shift is above 12.
    pub fn new(sink: W, address_shift: u8) -> Result<Self, WriteError> {
        Self::with_limits(sink, address_shift, Limits::default())
    }

    /// As [`Writer::new`], with smaller blocks. A limit is raised to 1 and cut to its maximum.
    ///
    /// # Errors
    /// As [`Writer::new`].
    pub fn with_limits(sink: W, address_shift: u8, limits: Limits) -> Result<Self, WriteError> {
        if address_shift > MAX_ADDRESS_SHIFT {
            return Err(WriteError::AddressShift(address_shift));
        }
        Ok(Writer {
            objects: Objects::new(limits.objects),
            references: References::new(limits.references),
            types: Types::new(limits.records),
            strings: Strings::new(limits.records),
            roots: Roots::new(limits.records),
            faults: Faults::new(limits.records),
            metadata: Metadata::new(limits.records),
            values: None,
            native: None,
            limits,
            misaligned: (1 << address_shift) - 1,
            output: Output::new(sink, address_shift, limits.index)?,
        })
    }

    /// Makes it a dump that tells births: every object has a serial. To be called before the first object; takes 256 KiB more.
    #[must_use]
    pub fn with_births(mut self) -> Self {
        self.objects.tell_births();
        self
    }

    /// Makes it a dump that may tell values. To be called before the first of them; takes 288 KiB more.
    #[must_use]
    pub fn with_values(mut self) -> Self {
        self.values = Some(Values::new(self.limits.records));
        self
    }

    /// Takes what an object held, cut at a character's boundary to at most 65,535 bytes; nothing in a dump without values. Objects must rise
    /// from call to call; an object's own record may come later.
    ///
    /// # Errors
    /// If the sink fails, or the object is not a later one than in the last call.
    pub fn value(&mut self, object: ObjectId, text: &str) -> Result<(), WriteError> {
        self.output.check()?;
        let Some(values) = &mut self.values else {
            return Ok(());
        };
        if !values.has_room(text) {
            self.output.flush(values)?;
        }
        if values.push(object, text) {
            return Ok(());
        }
        let last = values.last().unwrap_or_default();
        self.output.fail();
        self.close();
        Err(WriteError::ValueOrder { object, last })
    }

    /// Makes it a dump of a native heap: references have offsets, and there are sites, modules and vtables. To be called before the first reference;
    /// takes 700 KiB more.
    #[must_use]
    pub fn with_native(mut self) -> Self {
        self.references.tell_offsets();
        self.native = Some(Native::new(self.limits.records));
        self
    }

    /// Takes what is known of a type: the first call describes the first type, and so on. Without [`Writer::with_native`] nothing is taken.
    ///
    /// # Errors
    /// If the sink fails, or there are too many sites.
    pub fn site(&mut self, record: &Site<'_>) -> Result<(), WriteError> {
        self.output.check()?;
        let Some(Native { sites, .. }) = &mut self.native else {
            return Ok(());
        };
        if !sites.has_room(record) {
            self.output.flush(sites)?;
        }
        self.output.check_ids(sites, 1, "sites")?;
        sites.push(record);
        Ok(())
    }

    /// Takes a loaded file. Without [`Writer::with_native`] nothing is taken.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn module(&mut self, record: &Module) -> Result<(), WriteError> {
        self.output.check()?;
        let Some(Native { modules, .. }) = &mut self.native else {
            return Ok(());
        };
        if modules.is_full() {
            self.output.flush(modules)?;
        }
        modules.push(*record);
        Ok(())
    }

    /// Takes what may be a vtable. Without [`Writer::with_native`] nothing is taken.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn vtable(&mut self, record: &Vtable) -> Result<(), WriteError> {
        self.output.check()?;
        let Some(Native { vtables, .. }) = &mut self.native else {
            return Ok(());
        };
        if vtables.is_full() {
            self.output.flush(vtables)?;
        }
        vtables.push(*record);
        Ok(())
    }

    /// Takes a fact about the dump. Key and value are each cut at a character's boundary to at most 65,535 bytes.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn metadata(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        self.output.check()?;
        if !self.metadata.has_room(key, value) {
            self.output.flush(&mut self.metadata)?;
        }
        self.metadata.push(key, value);
        Ok(())
    }

    /// Takes a string, cut at a character's boundary to at most 65,535 bytes. Equal texts get ids of their own: whoever calls knows
    /// better which texts come back.
    ///
    /// # Errors
    /// If the sink fails, or there are too many strings.
    pub fn string(&mut self, text: &str) -> Result<StringId, WriteError> {
        self.output.check()?;
        if !self.strings.has_room(text) {
            self.output.flush(&mut self.strings)?;
        }
        let id = self.output.next_id(&self.strings, "strings")?;
        self.strings.push(text);
        Ok(StringId(id))
    }

    /// Takes a type.
    ///
    /// # Errors
    /// If the sink fails, there are too many types, or the address is misaligned.
    pub fn define_type(&mut self, record: &Type) -> Result<TypeId, WriteError> {
        self.output.check()?;
        self.check_address(record.address)?;
        if self.types.is_full() {
            self.output.flush(&mut self.types)?;
        }
        let id = self.output.next_id(&self.types, "types")?;
        self.types.push(*record);
        Ok(TypeId(id))
    }

    /// Takes an object. A reference count of `Some(0)` cannot be told from `None` in the file.
    ///
    /// # Errors
    /// If the sink fails, there are too many objects, or the address is misaligned.
    #[inline]
    pub fn object(&mut self, record: &Object) -> Result<ObjectId, WriteError> {
        self.check_address(record.address)?;
        if self.objects.is_full() {
            self.flush_objects()?;
        }
        Ok(self.objects.push(record))
    }

    /// Takes a reference of `source`. Sources must not fall from call to call; so the references of one source follow one another.
    /// The source's own record may come later.
    ///
    /// # Errors
    /// If the sink fails, the source is an earlier one than in the last call, or the target's address is misaligned.
    #[inline]
    pub fn reference(&mut self, source: ObjectId, reference: &Reference) -> Result<(), WriteError> {
        self.check_address(reference.target)?;
        if self.references.is_full() {
            self.flush_references()?;
        }
        if self.references.push(source, reference) {
            Ok(())
        } else {
            Err(self.wrong_order(source))
        }
    }

    /// Takes a root.
    ///
    /// # Errors
    /// If the sink fails, or the target's address is misaligned.
    pub fn root(&mut self, record: &Root) -> Result<(), WriteError> {
        self.output.check()?;
        self.check_address(record.target)?;
        if self.roots.is_full() {
            self.output.flush(&mut self.roots)?;
        }
        self.roots.push(*record);
        Ok(())
    }

    /// Takes a fault. Its address is cut down to a multiple of `1 << address_shift`: what could not be read may lie anywhere.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn fault(&mut self, record: &Fault) -> Result<(), WriteError> {
        self.output.check()?;
        if self.faults.is_full() {
            self.output.flush(&mut self.faults)?;
        }
        let address = Address(record.address.0 & !self.misaligned);
        self.faults.push(Fault { address, ..*record });
        Ok(())
    }

    /// What has been taken so far.
    pub fn counts(&self) -> Counts {
        use output::Batch;
        let native = self.native.as_ref();
        Counts {
            objects: self.objects.taken(),
            references: self.references.taken(),
            types: self.types.taken(),
            strings: self.strings.taken(),
            roots: self.roots.taken(),
            faults: self.faults.taken(),
            values: self.values.as_ref().map_or(0, Batch::taken),
            sites: native.map_or(0, |native| native.sites.taken()),
            modules: native.map_or(0, |native| Batch::taken(&native.modules)),
            vtables: native.map_or(0, |native| Batch::taken(&native.vtables)),
        }
    }

    /// What has gone to the sink so far.
    pub fn bytes_written(&self) -> u64 {
        self.output.position()
    }

    /// Writes what is still collected, the index and the trailer. Syncing and renaming are the caller's.
    ///
    /// # Errors
    /// If the sink fails, an earlier call has failed, or an object or a type was named that never came.
    pub fn finish(mut self) -> Result<(W, Counts), WriteError> {
        self.output.check()?;
        let counts = self.counts();
        let of_values = self.values.as_ref().and_then(Values::last);
        if let Some(id) = self
            .references
            .last_source()
            .max(of_values)
            .filter(|id| u64::from(id.0) >= counts.objects)
        {
            return Err(WriteError::NeverWritten {
                what: "object",
                id: id.0,
            });
        }
        if counts.sites > counts.types {
            return Err(WriteError::NeverWritten {
                what: "type",
                id: (counts.sites - 1) as u32,
            });
        }
        self.output.flush(&mut self.objects)?;
        if let Some(id) = self
            .objects
            .greatest_type()
            .filter(|id| u64::from(id.0) >= counts.types)
        {
            return Err(WriteError::NeverWritten {
                what: "type",
                id: id.0,
            });
        }
        self.output.flush(&mut self.references)?;
        self.output.flush(&mut self.types)?;
        self.output.flush(&mut self.roots)?;
        self.output.flush(&mut self.faults)?;
        if let Some(Native {
            sites,
            modules,
            vtables,
        }) = &mut self.native
        {
            self.output.flush(sites)?;
            self.output.flush(modules)?;
            self.output.flush(vtables)?;
        }
        self.output.flush(&mut self.strings)?;
        if let Some(values) = &mut self.values {
            self.output.flush(values)?;
        }
        self.output.flush(&mut self.metadata)?;
        Ok((self.output.finish()?, counts))
    }

    #[inline(always)]
    fn check_address(&self, address: Address) -> Result<(), WriteError> {
        if address.0 & self.misaligned == 0 {
            Ok(())
        } else {
            Err(self.misaligned(address))
        }
    }

    #[cold]
    fn misaligned(&self, address: Address) -> WriteError {
        WriteError::Misaligned {
            address,
            shift: self.misaligned.count_ones() as u8,
        }
    }

    #[cold]
    #[inline(never)]
    fn flush_objects(&mut self) -> Result<(), WriteError> {
        let written = self
            .output
            .check()
            .and_then(|()| self.output.flush(&mut self.objects));
        let named = written.and_then(|()| {
            self.output
                .check_ids(&self.objects, self.objects.limit(), "objects")
        });
        named.inspect_err(|_| self.close())
    }

    #[cold]
    #[inline(never)]
    fn flush_references(&mut self) -> Result<(), WriteError> {
        let written = self
            .output
            .check()
            .and_then(|()| self.output.flush(&mut self.references));
        written.inspect_err(|_| self.close())
    }

    #[cold]
    #[inline(never)]
    fn wrong_order(&mut self, source_object: ObjectId) -> WriteError {
        let last = self.references.last_source().unwrap_or_default();
        self.output.fail();
        self.close();
        WriteError::SourceOrder {
            source_object,
            last,
        }
    }

    /// Leaves no room, so that the next record comes by [`Output::check`]; this spares the hot path a check of its own.
    fn close(&mut self) {
        self.objects.close();
        self.references.close();
    }
}
