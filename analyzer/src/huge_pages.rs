//! Large columns in huge pages. Analyses look into them at places all over, and with pages of 4 KiB most of these looks would
//! cost a walk through the page tables as well: on shuffled heaps of ten million objects that is a third of all CPU time.
//! Kernels give huge pages to those who ask ("madvise") unless told otherwise, and this asks.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which asks for huge pages for what is large.
pub(crate) struct HugePages;

/// A column of a million objects. What is smaller fits into the caches, more or less.
const LARGE: usize = 4 << 20;
/// Advice must begin at a page; larger pages than this are multiples of it, and the kernel refuses advice that does not fit.
const PAGE: usize = 4 << 10;

fn advise(memory: *mut u8, size: usize) {
    if size < LARGE || memory.is_null() {
        return;
    }
    let before = memory.align_offset(PAGE);
    let length = (size - before) & !(PAGE - 1);
    // SAFETY: the range lies within the allocation, and this advice changes neither its content nor who may use it. If it is
    // not taken, nothing is lost.
    unsafe {
        libc::madvise(memory.add(before).cast(), length, libc::MADV_HUGEPAGE);
    }
}

// SAFETY: all memory is that of `System`, with the same layouts.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same.
        let memory = unsafe { System.alloc(layout) };
        advise(memory, layout.size());
        memory
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `alloc_zeroed`, which is the same.
        let memory = unsafe { System.alloc_zeroed(layout) };
        advise(memory, layout.size());
        memory
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `realloc`, which is the same.
        let memory = unsafe { System.realloc(memory, layout, size) };
        advise(memory, size);
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}
