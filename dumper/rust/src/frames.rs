//! The return addresses of a call, read along the frame pointers. Never reads outside of the thread's own stack, so that code without
//! frame pointers costs some frames and nothing else.
#![allow(unsafe_code)]

use std::alloc::GlobalAlloc;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

use crate::heap::{self, Heap};
use crate::sites::{Addresses, MOST_FRAMES};

/// Where a thread's stack lies, as far as it is known yet. All zero is: not known.
pub(crate) struct Bounds {
    low: Cell<usize>,
    high: Cell<usize>,
}

impl Bounds {
    #[cfg_attr(all(feature = "preload", not(test)), expect(dead_code))]
    pub(crate) const fn new() -> Bounds {
        Bounds {
            low: Cell::new(0),
            high: Cell::new(0),
        }
    }

    /// What is known.
    #[cfg(feature = "preload")]
    #[inline(always)]
    pub(crate) fn known(&self) -> Range<usize> {
        self.low.get()..self.high.get()
    }

    /// Looks, if it was never looked before. Calls libc, which allocates by malloc.
    #[inline(always)]
    pub(crate) fn find(&self) -> Range<usize> {
        if self.high.get() == 0 {
            self.look();
        }
        self.low.get()..self.high.get()
    }

    #[cold]
    #[inline(never)]
    fn look(&self) {
        // An allocation meanwhile shall not look again. Where it is not known it is empty, and nothing is read.
        self.low.set(1);
        self.high.set(1);
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let mut start = ptr::null_mut();
        let mut size = 0;
        // An allocation that succeeds leaves it as it was.
        // SAFETY: of this thread.
        let errno = unsafe { *libc::__errno_location() };
        // SAFETY: the attributes are read and destroyed only if they have been made.
        unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 {
                if libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size)
                    == 0
                {
                    self.low.set(start.addr());
                    self.high.set(start.addr() + size);
                }
                libc::pthread_attr_destroy(attributes.as_mut_ptr());
            }
            *libc::__errno_location() = errno;
        }
    }
}

/// How many return addresses there may be besides a call's own.
const ALL: usize = MOST_FRAMES - 1;

/// A call, whose return addresses are read along the frame pointers.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    /// Its return address, and the frame pointer at that time.
    caller: usize,
    pointer: usize,
    /// How many return addresses may be read besides.
    more: usize,
    /// Frames lie here, or a multiple of 8 further up.
    lowest: usize,
    /// At so many places from there a frame, which takes two words, still lies on the stack.
    places: usize,
}

impl Call {
    /// `stack` is where the thread's stack lies, `here` a place on it below the call's frames. `depth` addresses are told at most.
    #[inline(always)]
    pub(crate) fn new(
        depth: usize,
        stack: Range<usize>,
        here: usize,
        caller: usize,
        pointer: usize,
    ) -> Call {
        // On a stack that is not the thread's own (a coroutine's) nothing is read.
        let is_own = stack.contains(&here);
        Call {
            caller,
            pointer,
            more: depth.saturating_sub(1),
            lowest: here.next_multiple_of(8),
            places: if is_own {
                (stack.end - here).saturating_sub(8) / 8
            } else {
                0
            },
        }
    }

    /// Adds the `more` return addresses behind the first one.
    #[inline(always)]
    fn follow<R>(self, more: usize, first: R, mut add: impl FnMut(R, u64) -> R) -> R {
        let mut result = first;
        let mut frame = self.pointer;
        // A constant number, so that the loop is unrolled.
        for number in 1..MOST_FRAMES {
            // Turned by three bits, what is no multiple of 8 is far too great.
            let place = frame.wrapping_sub(self.lowest).rotate_right(3);
            if number > more || place >= self.places {
                break;
            }
            let words = ptr::with_exposed_provenance::<usize>(frame);
            // SAFETY: both words lie between a place that is on the thread's stack now and the stack's end: that is mapped.
            let (next, address) = unsafe { (words.read(), words.add(1).read()) };
            result = add(result, address as u64);
            frame = next;
        }
        result
    }
}

impl Addresses for Call {
    #[inline(always)]
    fn fold<R>(self, first: R, mut add: impl FnMut(R, u64) -> R) -> R {
        let first = add(first, self.caller as u64);
        match self.more {
            // Nearly always: then they need not be counted.
            ALL => self.follow(ALL, first, add),
            more => self.follow(more, first, add),
        }
    }
}

/// Goes on with [`heap::allocate_at`] with the frame pointer and the return address as they are here. It must be a function without a
/// prologue: compiled code may have put anything else into the frame pointer's register.
///
/// # Safety
///
/// As of [`GlobalAlloc::alloc`].
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn capture<A: GlobalAlloc>(
    heap: &Heap<A>,
    size: usize,
    align: usize,
    zeroed: usize,
) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    std::arch::naked_asm!(
        "mov r8, rbp",
        "mov r9, [rsp]",
        "jmp {}",
        sym heap::allocate_at::<A>
    );
    #[cfg(target_arch = "aarch64")]
    std::arch::naked_asm!(
        "mov x4, x29",
        "mov x5, x30",
        "b {}",
        sym heap::allocate_at::<A>
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_frames_is_followed_and_left_where_it_leaves_the_stack() {
        let mut words = [0usize; 64];
        let start = words.as_mut_ptr().expose_provenance();
        let at = |word: usize| start + 8 * word;
        let bounds = Bounds {
            low: Cell::new(start),
            high: Cell::new(at(64)),
        };
        words[4..6].copy_from_slice(&[at(20), 0x5000]);
        words[20..22].copy_from_slice(&[at(40), 0x6000]);
        let of = |depth, here, pointer| {
            let call = Call::new(depth, bounds.find(), here, 0x4000, pointer);
            call.fold(Vec::new(), |mut all, address| {
                all.push(address);
                all
            })
        };
        let told = |words: &mut [usize; 64], next: usize, pointer: usize| {
            words[40..42].copy_from_slice(&[next, 0x7000]);
            std::hint::black_box(&words);
            of(8, start, pointer)
        };
        // Nowhere, odd, the last word, far outside.
        for next in [0, at(50) + 3, at(63), 1 << 50, usize::MAX] {
            let frames = told(&mut words, next, at(4));
            assert_eq!(frames, [0x4000, 0x5000, 0x6000, 0x7000], "{next:#x}");
        }
        // Round and round, for a while.
        let frames = told(&mut words, at(40), at(4));
        assert_eq!(frames.len(), 8);
        assert_eq!(frames[3..], [0x7000; 5]);
        assert_eq!(told(&mut words, 0, 7), [0x4000]);
        assert_eq!(told(&mut words, 0, start - 16), [0x4000]);
        assert_eq!(of(8, start - 4096, at(4)), [0x4000], "another stack");
        told(&mut words, 0, at(4));
        assert_eq!(of(2, start, at(4)), [0x4000, 0x5000]);
        assert_eq!(of(1, start, at(4)), [0x4000]);
    }

    #[test]
    fn this_threads_stack_is_known() {
        let bounds = Bounds::new();
        let here = (&raw const bounds).addr();
        assert!(bounds.find().contains(&here));
        assert!(bounds.find().len() >= 64 << 10);
    }
}
