//! The target's memory, frozen: the only place where raw addresses are read.
#![allow(unsafe_code)]

use crate::layout::stable;

/// Leave to read the heap at any address.
///
/// Only the snapshot process, and the self check on objects that it made itself, may hold one: see [`Frozen::new`].
#[derive(Clone, Copy)]
pub(crate) struct Frozen(());

/// An object of the target, by address. Never dereferenced but through [`Frozen`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
#[repr(transparent)]
pub(crate) struct Obj(pub(crate) usize);

impl Obj {
    /// No object.
    pub(crate) const NULL: Obj = Obj(0);

    /// Whether there is an object: not NULL, and where objects can be.
    pub(crate) fn is_plausible(self) -> bool {
        self.0 > 0xFFFF && self.0 & 7 == 0
    }
}

impl Frozen {
    /// # Safety
    ///
    /// While the value or a copy of it is in use, nothing else writes to what is read through it, and a read of an address
    /// that is not mapped either cannot happen or comes back through `memdump_dumper::landing`. Both hold in the snapshot
    /// process (one thread, inside `protect`), and for live objects under the GIL.
    pub(crate) unsafe fn new() -> Frozen {
        Frozen(())
    }

    /// The 8 bytes at an address.
    #[inline(always)]
    pub(crate) fn word(self, address: usize) -> usize {
        // SAFETY: by the contract of `new` the read is of frozen memory, or faults and lands. Unaligned because
        // a corrupt pointer may lead anywhere.
        unsafe { (address as *const usize).read_unaligned() }
    }

    /// The 4 bytes at an address.
    #[inline(always)]
    pub(crate) fn u32(self, address: usize) -> u32 {
        // SAFETY: as for `word`.
        unsafe { (address as *const u32).read_unaligned() }
    }

    /// The 2 bytes at an address.
    #[inline(always)]
    pub(crate) fn u16(self, address: usize) -> u16 {
        // SAFETY: as for `word`.
        unsafe { (address as *const u16).read_unaligned() }
    }

    /// The byte at an address.
    #[inline(always)]
    pub(crate) fn u8(self, address: usize) -> u8 {
        // SAFETY: as for `word`.
        unsafe { (address as *const u8).read() }
    }

    /// `length` bytes at an address. The caller bounds the length by what it can use; the bytes must not be written meanwhile,
    /// which holds for as long as `self` may exist.
    pub(crate) fn bytes<'a>(self, address: usize, length: usize) -> &'a [u8] {
        if length == 0 || address == 0 {
            return &[];
        }
        // SAFETY: as for `word`; whoever looks at a byte that is not mapped faults and lands.
        unsafe { std::slice::from_raw_parts(address as *const u8, length) }
    }

    /// The bytes of a C string, of at most `most` bytes.
    pub(crate) fn c_string<'a>(self, address: usize, most: usize) -> &'a [u8] {
        if address == 0 {
            return &[];
        }
        let length = (0..most).take_while(|&i| self.u8(address + i) != 0).count();
        self.bytes(address, length)
    }

    /// The object that a field points to; may be NULL.
    #[inline(always)]
    pub(crate) fn object(self, address: usize) -> Obj {
        Obj(self.word(address))
    }

    /// A signed field.
    #[inline(always)]
    pub(crate) fn signed(self, address: usize) -> isize {
        self.word(address) as isize
    }

    /// `Py_TYPE`.
    #[inline(always)]
    pub(crate) fn type_of(self, object: Obj) -> Obj {
        self.object(object.0 + stable::TYPE)
    }

    /// `tp_flags` of a type.
    #[inline(always)]
    pub(crate) fn flags(self, class: Obj) -> u64 {
        self.word(class.0 + stable::TP_FLAGS) as u64
    }

    /// `Py_SIZE`, made positive: the sign of an `int` lives there in 3.11.
    #[inline(always)]
    pub(crate) fn length(self, object: Obj) -> usize {
        self.signed(object.0 + stable::SIZE).unsigned_abs()
    }
}
