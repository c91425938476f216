//! C++'s `operator new` and `operator delete`.
//!
//! Those of the C++ library would do: they call malloc. But then the return address would be theirs, and nothing would tell who asked. Both
//! take part, because what another allocator's library has may not go by malloc and free at all. Where there is
//! no memory the next `operator new` is gone on with, which calls the program's handler or throws.
#![allow(unsafe_code)]
#![allow(non_snake_case, reason = "the names that C++ gives them")]

use memdump::malloc::Caller;

use crate::exports::{allocate, release};
use crate::next::Found;

macro_rules! operator_new {
    ($($name:ident $symbol:literal $align:expr;)*) => {$(const _: () = {
        static NEXT: Found = Found::named($symbol);

        /// Null, and where to go on is known, if there is no memory.
        unsafe extern "C" fn work(
            size: usize,
            second: usize,
            _: usize,
            _: usize,
            pointer: usize,
            address: usize,
        ) -> *mut u8 {
            let align: fn(usize) -> usize = $align;
            // SAFETY: of the caller.
            let block = unsafe { allocate(size, align(second), false, Caller { pointer, address }) };
            if block.is_null() {
                NEXT.look();
            }
            block
        }

        /// As in `exports`; with the arguments kept for the next one.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            std::arch::naked_asm!(
                "push rdi",
                "push rsi",
                "push rdx",
                "mov r8, rbp",
                "mov r9, [rsp + 24]",
                "call {work}",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "test rax, rax",
                "jnz 2f",
                "mov rax, qword ptr [rip + {next}]",
                "test rax, rax",
                "jz 2f",
                "jmp rax",
                "2:",
                "ret",
                work = sym work,
                next = sym NEXT,
            );
            #[cfg(target_arch = "aarch64")]
            std::arch::naked_asm!(
                "stp x29, x30, [sp, -48]!",
                "stp x0, x1, [sp, 16]",
                "str x2, [sp, 32]",
                "mov x4, x29",
                "mov x5, x30",
                "bl {work}",
                "mov x3, x0",
                "ldr x2, [sp, 32]",
                "ldp x0, x1, [sp, 16]",
                "ldp x29, x30, [sp], 48",
                "cbnz x3, 2f",
                "adrp x3, {next}",
                "ldr x3, [x3, :lo12:{next}]",
                "cbz x3, 2f",
                "br x3",
                "2:",
                "mov x0, x3",
                "ret",
                work = sym work,
                next = sym NEXT,
            );
        }
    };)*};
}

operator_new! {
    _Znwm c"_Znwm" |_| 16;
    _Znam c"_Znam" |_| 16;
    _ZnwmRKSt9nothrow_t c"_ZnwmRKSt9nothrow_t" |_| 16;
    _ZnamRKSt9nothrow_t c"_ZnamRKSt9nothrow_t" |_| 16;
    _ZnwmSt11align_val_t c"_ZnwmSt11align_val_t" |align| align;
    _ZnamSt11align_val_t c"_ZnamSt11align_val_t" |align| align;
    _ZnwmSt11align_val_tRKSt9nothrow_t c"_ZnwmSt11align_val_tRKSt9nothrow_t" |align| align;
    _ZnamSt11align_val_tRKSt9nothrow_t c"_ZnamSt11align_val_tRKSt9nothrow_t" |align| align;
}

macro_rules! operator_delete {
    ($($name:ident)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(block: *mut u8) {
            // SAFETY: of the caller.
            unsafe { release(block) };
        }
    )*};
}

operator_delete! {
    _ZdlPv _ZdaPv
    _ZdlPvm _ZdaPvm
    _ZdlPvRKSt9nothrow_t _ZdaPvRKSt9nothrow_t
    _ZdlPvSt11align_val_t _ZdaPvSt11align_val_t
    _ZdlPvmSt11align_val_t _ZdaPvmSt11align_val_t
    _ZdlPvSt11align_val_tRKSt9nothrow_t _ZdaPvSt11align_val_tRKSt9nothrow_t
}
