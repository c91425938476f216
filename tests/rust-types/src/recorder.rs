//! The global allocator: what is live, who allocated it, and of which type it truly is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, Ordering};

pub const FRAMES: usize = 8;
const SLOTS: usize = 1 << 17;
/// Where a block was that is freed; the probing goes on behind it.
const FREED: usize = 1;

#[derive(Clone, Copy)]
pub struct Block {
    pub address: usize,
    pub size: usize,
    pub alignment: usize,
    pub frames: [usize; FRAMES],
    pub truth: Option<&'static str>,
}

pub struct Recorder;

struct Table {
    locked: AtomicBool,
    blocks: UnsafeCell<[Block; SLOTS]>,
}

// SAFETY: only touched under the lock.
unsafe impl Sync for Table {}

static TABLE: Table = Table {
    locked: AtomicBool::new(false),
    blocks: UnsafeCell::new(
        [Block {
            address: 0,
            size: 0,
            alignment: 0,
            frames: [0; FRAMES],
            truth: None,
        }; SLOTS],
    ),
};

/// The types of the blocks that are being made: by size, 0 = any size.
type Names = &'static [(usize, &'static str)];

thread_local! {
    static MAKING: Cell<Names> = const { Cell::new(&[]) };
}

impl Table {
    fn with<R>(&self, work: impl FnOnce(&mut [Block; SLOTS]) -> R) -> R {
        while self.locked.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        // SAFETY: the lock is held.
        let result = work(unsafe { &mut *self.blocks.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

fn slot(address: usize) -> usize {
    (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - 17)
}

/// Return addresses by the chain of frame pointers, from the caller of the allocator on.
#[inline(always)]
fn frames() -> [usize; FRAMES] {
    let mut frames = [0; FRAMES];
    let mut pointer: usize;
    // SAFETY: reads a register.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, rbp", out(reg) pointer);
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("mov {}, x29", out(reg) pointer);
    }
    for frame in &mut frames {
        // SAFETY: all code has frame pointers, and the chain rises within the stack as far as it is followed.
        let (next, address) = unsafe { *(pointer as *const (usize, usize)) };
        *frame = address;
        if next <= pointer || next - pointer > 1 << 20 {
            break;
        }
        pointer = next;
    }
    frames
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Recorder {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let frames = frames();
        // SAFETY: as asked for.
        let pointer = unsafe { System.alloc(layout) };
        let size = layout.size();
        let names = MAKING.with(Cell::get);
        let truth = names.iter().find(|(of, _)| *of == 0 || *of == size);
        TABLE.with(|blocks| {
            let mut at = slot(pointer as usize);
            while blocks[at].address > FREED {
                at = (at + 1) % SLOTS;
            }
            blocks[at] = Block {
                address: pointer as usize,
                size,
                alignment: layout.align(),
                frames,
                truth: truth.map(|(_, name)| *name),
            };
        });
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TABLE.with(|blocks| {
            let mut at = slot(pointer as usize);
            while blocks[at].address != pointer as usize {
                at = (at + 1) % SLOTS;
            }
            blocks[at].address = FREED;
        });
        // SAFETY: as asked for.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// All live blocks.
pub fn live() -> Vec<Block> {
    let mut live = Vec::with_capacity(SLOTS);
    TABLE.with(|blocks| live.extend(blocks.iter().filter(|block| block.address > FREED)));
    live
}

/// Whatever is allocated in `make` is of the first type that its size allows.
pub fn making<R>(names: Names, make: impl FnOnce() -> R) -> R {
    let before = MAKING.replace(names);
    let made = make();
    MAKING.set(before);
    made
}
