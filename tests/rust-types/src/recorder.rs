//! The global allocator: what is live, who allocated it, and of which type it truly is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::names::Names;

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

thread_local! {
    static MAKING: Cell<Names> = const { Cell::new(&[]) };
    /// Where the stack ends; nothing is read behind it.
    static STACK_END: Cell<usize> = const { Cell::new(0) };
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

/// From here on the stacks of this thread are recorded.
pub fn begin() {
    let local = 0_u8;
    let here = (&raw const local).addr();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
    let address =
        |text: Option<&str>| usize::from_str_radix(text.expect("two ends"), 16).expect("digits");
    let ranges = maps.lines().map(|line| {
        let mut ends = line.split([' ', '-']);
        address(ends.next())..address(ends.next())
    });
    let own = ranges.into_iter().find(|range| range.contains(&here));
    STACK_END.set(own.expect("a stack").end);
}

/// Return addresses by the chain of frame pointers: where code has none, the first one only, or what happens to lie where they point.
fn frames(here: usize, caller: usize, pointer: usize) -> [usize; FRAMES] {
    let mut frames = [0; FRAMES];
    frames[0] = caller;
    let end = STACK_END.get();
    let (mut lowest, mut pointer) = (here, pointer);
    for frame in &mut frames[1..] {
        if pointer < lowest || pointer + 16 > end || !pointer.is_multiple_of(8) {
            break;
        }
        // SAFETY: both words lie on the stack, above the place that is in use.
        let (next, address) = unsafe { *(pointer as *const (usize, usize)) };
        if address < 4096 {
            break;
        }
        *frame = address;
        (lowest, pointer) = (pointer + 16, next);
    }
    frames
}

/// Goes on with [`allocate`] with frame pointer and return address as they are here: compiled code may put anything into that register.
#[unsafe(naked)]
unsafe extern "C" fn capture(size: usize, alignment: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    std::arch::naked_asm!("mov rdx, rbp", "mov rcx, [rsp]", "jmp {}", sym allocate);
    #[cfg(target_arch = "aarch64")]
    std::arch::naked_asm!("mov x2, x29", "mov x3, x30", "b {}", sym allocate);
}

extern "C" fn allocate(size: usize, alignment: usize, pointer: usize, caller: usize) -> *mut u8 {
    let here = (&raw const pointer).addr();
    let frames = frames(here, caller, pointer);
    // SAFETY: both come from a layout.
    let layout = unsafe { Layout::from_size_align_unchecked(size, alignment) };
    // SAFETY: as asked for.
    let block = unsafe { System.alloc(layout) };
    if !block.is_null() {
        mark(block, size);
    }
    let names = MAKING.with(Cell::get);
    let truth = names.iter().find(|(of, _)| *of == 0 || *of == size);
    TABLE.with(|blocks| {
        let mut at = slot(block as usize);
        while blocks[at].address > FREED {
            at = (at + 1) % SLOTS;
        }
        blocks[at] = Block {
            address: block as usize,
            size,
            alignment,
            frames,
            truth: truth.map(|(_, name)| *name),
        };
    });
    block
}

/// Set in words that were there before the block: no address has it, and nobody may read such a word before it is written.
pub const STALE: usize = 1 << 63;

/// Marks what is left of earlier blocks, so that it is known not to be a reference, however much it looks like one.
fn mark(block: *mut u8, size: usize) {
    for at in 0..size / 8 {
        let word = block.cast::<usize>().wrapping_add(at);
        // SAFETY: the block is new, and nobody's but this function's.
        unsafe {
            let value = word.read_volatile();
            if value != 0 {
                word.write_volatile(value | STALE);
            }
        }
    }
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Recorder {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as asked for.
        unsafe { capture(layout.size(), layout.align()) }
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
