//! The writer allocates nothing after it was made: neither by Rust's allocator nor by zstd's `malloc`.
//!
//! `malloc` and its kin are replaced for this whole program by functions that count and pass on to libc. Rust's allocator and zstd
//! both come by here.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;

use memdump_format::*;

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

thread_local! {
    // Both are constants without destructors, so that reaching them allocates nothing.
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + bytes);
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    count(size);
    // SAFETY: what the caller asked of `malloc`, asked of libc's.
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
    count(number.saturating_mul(size));
    // SAFETY: as above.
    unsafe { __libc_calloc(number, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    count(size);
    // SAFETY: as above; the block came from libc, because all of these functions pass on to it.
    unsafe { __libc_realloc(block, size) }
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    count(size);
    // SAFETY: as above.
    unsafe { __libc_memalign(alignment, size) }
}

#[unsafe(no_mangle)]
extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    aligned_alloc(alignment, size)
}

/// Writes enough records of every kind that every kind of block is flushed more than once, the index too.
fn write_a_lot(writer: &mut Writer<std::io::Sink>, long: &str) {
    let mut random = 1u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        random >> (random >> 58)
    };
    for _ in 0..50 {
        writer.string(long).unwrap();
        writer.metadata("key", long).unwrap();
    }
    let name = writer.string("name").unwrap();
    for _ in 0..10_000 {
        let address = Address(next());
        writer.string("abc").unwrap();
        writer
            .define_type(&Type {
                address,
                module: name,
                name,
                flags: TypeFlags::STATIC,
            })
            .unwrap();
        writer
            .fault(&Fault {
                address,
                message: name,
            })
            .unwrap();
        let root = Root {
            kind: RootKind::Frame,
            name: Some(name),
            thread: None,
            line: next() as u32,
            depth: 0,
            label: Label::Local(name),
            target: address,
            offset: 0,
        };
        writer.root(&root).unwrap();
    }
    for _ in 0..100_000 {
        let record = Object {
            address: Address(next()),
            type_id: TypeId(next() as u32 % 10_000),
            size: next(),
            refcount: Some(next()),
            flags: ObjectFlags(next() as u8),
            serial: Some(next()),
        };
        let id = writer.object(&record).unwrap();
        for _ in 0..next() % 4 {
            let label = Label::IntegerKey(next() as i64);
            let reference = Reference {
                target: Address(next()),
                label,
                strength: Strength::Weak,
                offset: 0,
            };
            writer.reference(id, &reference).unwrap();
        }
    }
}

#[test]
fn nothing_is_allocated_after_the_writer_was_made() {
    let (calls, bytes) = (CALLS.get(), BYTES.get());
    let limits = Limits {
        index: 5,
        ..Limits::default()
    };
    let mut writer = Writer::with_limits(std::io::sink(), 0, limits).unwrap();
    let (taken_calls, taken_bytes) = (CALLS.get() - calls, BYTES.get() - bytes);
    assert!(
        taken_calls > 5,
        "allocations are not counted: {taken_calls}"
    );
    assert!(taken_bytes < 5 << 20, "the writer took {taken_bytes} bytes");
    let calls = CALLS.get();

    // zstd's own contexts are made with malloc: if they are counted, so is all of zstd.
    drop(zstd::bulk::Compressor::new(1));
    assert!(CALLS.get() > calls, "zstd's allocations are not counted");

    let long = "long text, äöü".repeat(5_000);
    let before = CALLS.get();
    write_a_lot(&mut writer, &long);
    let (_, counts) = writer.finish().unwrap();
    assert_eq!(CALLS.get() - before, 0, "allocations while writing");
    assert!(counts.objects == 100_000 && counts.references > 100_000);
}

#[test]
fn the_writer_takes_under_5_mib() {
    let bytes = BYTES.get();
    let writer = Writer::new(std::io::sink(), 3).unwrap();
    let taken = BYTES.get() - bytes;
    assert!(
        (1 << 20..5 << 20).contains(&taken),
        "the writer took {taken} bytes"
    );
    let writer = writer.with_births();
    assert_eq!(BYTES.get() - bytes - taken, 256 << 10);
    drop(writer);
}

/// A sink that takes a number of bytes and then fails as a full disk does.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            Err(std::io::Error::from_raw_os_error(28))
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn failing_allocates_nothing_either() {
    let mut writer = Writer::new(Full(100), 3).unwrap();
    let record = Object {
        address: Address(8),
        type_id: TypeId(0),
        size: 1,
        refcount: None,
        flags: ObjectFlags::default(),
        serial: None,
    };
    let before = CALLS.get();
    let mut failures = 0;
    for _ in 0..100_000 {
        failures += usize::from(writer.object(&record).is_err());
    }
    let calls = CALLS.get() - before;
    assert_eq!((calls, failures), (0, 100_000 - 32_768));
}
