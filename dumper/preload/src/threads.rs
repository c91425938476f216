//! Notes where a thread's stack lies when the thread begins, so that stacks can be read when it allocates. Asked for later, by malloc, libc might
//! be holding the lock that it takes for the answer.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use memdump::malloc;

use crate::next::Found;

type Routine = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    extern "C" fn(),
    *mut c_void,
) -> c_int;

static CREATE: Found = Found::named(c"pthread_create");

/// What a thread is to run.
#[repr(C)]
struct Task {
    routine: Routine,
    argument: *mut c_void,
}

struct Order {
    task: Task,
    /// Whether the thread is memdump's.
    is_own: bool,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let found = CREATE.look();
    if found.is_null() {
        return libc::ENOSYS;
    }
    // SAFETY: libc's function of that name has this type.
    let create: Create = unsafe { std::mem::transmute(found) };
    let task = Task { routine, argument };
    let is_own = malloc::is_own();
    let order = malloc::own(|| Box::into_raw(Box::new(Order { task, is_own })));
    // SAFETY: of the caller; `begin` takes an order.
    let result = unsafe { create(thread, attributes, begin, order.cast()) };
    if result != 0 {
        // SAFETY: no thread has begun that would take it.
        drop(unsafe { Box::from_raw(order) });
    }
    result
}

/// Goes on with the routine, and leaves no frame of its own: a thread that ends in the middle is unwound to its first frame.
#[unsafe(naked)]
extern "C" fn begin() {
    #[cfg(target_arch = "x86_64")]
    std::arch::naked_asm!(
        "sub rsp, 8",
        "call {}",
        "add rsp, 8",
        "mov rdi, rdx",
        "jmp rax",
        sym prepare
    );
    #[cfg(target_arch = "aarch64")]
    std::arch::naked_asm!(
        "stp x29, x30, [sp, -16]!",
        "bl {}",
        "ldp x29, x30, [sp], 16",
        "mov x2, x0",
        "mov x0, x1",
        "br x2",
        sym prepare
    );
}

/// # Safety
///
/// The order is the calling thread's.
unsafe extern "C" fn prepare(order: *mut Order) -> Task {
    // SAFETY: of the caller.
    let order = malloc::own(|| *unsafe { Box::from_raw(order) });
    malloc::enter_thread(order.is_own);
    order.task
}
