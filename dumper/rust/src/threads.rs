//! The other threads, held still while the process is copied.
//!
//! Most threads of a service wait in a system call; where their stacks are is told by the kernel, and they are left alone. Only those that run
//! get a signal, whose handler keeps their registers and waits. It waits for a second at most, whatever happens to the agent: a
//! held thread may have a lock that the agent needs.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io::{self, Write as _};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::stack_frames::Top;

/// Registers of a thread that may hold addresses.
pub(crate) const REGISTERS: usize = 31;
/// More threads than these are not held, and what their stacks hold is not told.
const MOST: usize = 32_768;
/// So long a thread waits to be let go, at most.
const PATIENCE: Duration = Duration::from_secs(1);
/// So long the agent waits for threads to hold.
const UNTIL_HELD: Duration = Duration::from_millis(50);

/// What is known of a thread.
#[repr(C)]
struct Slot {
    id: AtomicI32,
    /// The number of the stop in which it holds.
    held_in: AtomicU32,
    /// 0 = not known.
    stack: AtomicUsize,
    /// As [`Top::code`].
    code: AtomicUsize,
    /// As [`Top::frame`].
    frame: AtomicUsize,
    registers: [AtomicUsize; REGISTERS],
}

impl Slot {
    /// Keeps the address of the next instruction and the frame pointer.
    fn keep_top(&self, code: usize, frame: usize) {
        // As a return address is: behind an instruction of the function.
        self.code.store(code.saturating_add(1), Ordering::Relaxed);
        self.frame.store(frame, Ordering::Relaxed);
    }
}

static SLOTS: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
static USED: AtomicUsize = AtomicUsize::new(0);
/// The number of the stop that goes on; 0 while there is none.
static STOP: AtomicU32 = AtomicU32::new(0);
static STOPS: AtomicU32 = AtomicU32::new(0);
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// The thread that asks for a dump and belongs to the program; 0 where the agent does.
static ASKING: AtomicI32 = AtomicI32::new(0);
static NOT_HELD: AtomicU64 = AtomicU64::new(0);
static HOLDING_US: AtomicU64 = AtomicU64::new(0);

fn slots() -> &'static [Slot] {
    let start = SLOTS.load(Ordering::Acquire);
    if start.is_null() {
        return &[];
    }
    // SAFETY: mapped by `prepare` with this length, zeroed (which is a valid Slot), never unmapped.
    unsafe { std::slice::from_raw_parts(start, MOST) }
}

fn thread_id() -> i32 {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

/// Takes the memory and a signal for it. Called again it does nothing.
///
/// # Errors
///
/// The system refuses memory, or there is no real-time signal that nobody handles.
pub(crate) fn prepare() -> io::Result<()> {
    if SIGNAL.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    // SAFETY: a new mapping.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            MOST * size_of::<Slot>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    SLOTS.store(start.cast(), Ordering::Release);
    // From the last one down: the first ones are what applications take.
    for signal in (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev() {
        if take_signal(signal)? {
            SIGNAL.store(signal, Ordering::Release);
            return Ok(());
        }
    }
    Err(io::Error::other("every real-time signal has a handler"))
}

/// Takes a signal unless somebody has it.
fn take_signal(signal: c_int) -> io::Result<bool> {
    // SAFETY: sigactions are plain data; the handler is async-signal-safe.
    unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, ptr::null(), &raw mut before) != 0 {
            return Err(io::Error::last_os_error());
        }
        if before.sa_sigaction != libc::SIG_DFL {
            return Ok(false);
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = hold;
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // Another handler on top would run the application while it is to hold.
        libc::sigfillset(&raw mut action.sa_mask);
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL] {
            libc::sigdelset(&raw mut action.sa_mask, fault);
        }
        if libc::sigaction(signal, &raw const action, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(true)
}

/// The handler: keeps where the thread is, and waits to be let go.
extern "C" fn hold(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: of this thread.
    let errno = unsafe { *libc::__errno_location() };
    let stop = STOP.load(Ordering::Acquire);
    let used = USED.load(Ordering::Acquire).min(MOST);
    let id = thread_id();
    let slot = slots()[..used.min(slots().len())]
        .iter()
        .find(|slot| slot.id.load(Ordering::Relaxed) == id);
    if let Some(slot) = slot.filter(|_| stop != 0) {
        // SAFETY: the kernel gives a handler with SA_SIGINFO the context.
        unsafe { keep(slot, &*context.cast::<libc::ucontext_t>()) };
        slot.held_in.store(stop, Ordering::Release);
        let begun = Instant::now();
        while STOP.load(Ordering::Acquire) == stop {
            let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else {
                break;
            };
            wait(&STOP, stop, left);
        }
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(target_arch = "x86_64")]
fn keep(slot: &Slot, context: &libc::ucontext_t) {
    let registers = &context.uc_mcontext.gregs;
    // The first ones are the general registers, stack pointer included; the others hold no addresses of blocks.
    for (place, &value) in slot.registers.iter().zip(registers.iter().take(16)) {
        place.store(value as usize, Ordering::Relaxed);
    }
    let stack = registers[libc::REG_RSP as usize] as usize;
    // Leaf functions keep values below the stack pointer.
    slot.stack
        .store(stack.saturating_sub(128), Ordering::Relaxed);
    let [code, frame] = [libc::REG_RIP, libc::REG_RBP].map(|register| registers[register as usize]);
    slot.keep_top(code as usize, frame as usize);
}

#[cfg(target_arch = "aarch64")]
fn keep(slot: &Slot, context: &libc::ucontext_t) {
    for (place, &value) in slot.registers.iter().zip(&context.uc_mcontext.regs) {
        place.store(value as usize, Ordering::Relaxed);
    }
    slot.stack
        .store(context.uc_mcontext.sp as usize, Ordering::Relaxed);
    let frame = context.uc_mcontext.regs[29];
    slot.keep_top(context.uc_mcontext.pc as usize, frame as usize);
}

fn wait(word: &AtomicU32, while_it_is: u32, limit: Duration) {
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: limit.subsec_nanos().into(),
    };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: waits on an atomic of this process; the limit lives on the stack.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            while_it_is,
            &raw const limit,
        )
    };
}

/// All other threads hold still, or wait in the kernel, until it is dropped. Nothing may be allocated meanwhile.
pub(crate) struct Held(());

impl Drop for Held {
    fn drop(&mut self) {
        STOP.store(0, Ordering::Release);
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: wakes those who wait on an atomic of this process.
        unsafe { libc::syscall(libc::SYS_futex, STOP.as_ptr(), operation, i32::MAX) };
    }
}

/// Holds the other threads. `is_agent`: the calling thread is none of the program's.
pub(crate) fn stop(is_agent: bool) -> Held {
    let own = thread_id();
    ASKING.store(if is_agent { 0 } else { own }, Ordering::Relaxed);
    let ids = ids();
    let slots = slots();
    let mut used = 0;
    for id in ids.into_iter().filter(|&id| id != own || !is_agent) {
        let Some(slot) = slots.get(used) else { break };
        slot.id.store(id, Ordering::Relaxed);
        slot.held_in.store(0, Ordering::Relaxed);
        for place in [&slot.stack, &slot.code, &slot.frame] {
            place.store(0, Ordering::Relaxed);
        }
        for register in &slot.registers {
            register.store(0, Ordering::Relaxed);
        }
        used += 1;
    }
    USED.store(used, Ordering::Release);
    let mut number = STOPS.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    number += u32::from(number == 0);
    STOP.store(number, Ordering::Release);
    let held = Held(());

    // From here on a thread that holds may have the allocator's lock.
    let signal = SIGNAL.load(Ordering::Acquire);
    let slots = &slots[..used];
    let begun = Instant::now();
    let mut asked = 0;
    for slot in slots {
        let id = slot.id.load(Ordering::Relaxed);
        if id == own || waits(id, slot) || signal == 0 {
            continue;
        }
        // SAFETY: sends a signal to a thread of this process, which has a handler for it.
        let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), id, signal) };
        asked += usize::from(sent == 0);
    }
    let holding = || {
        let held = |slot: &&Slot| slot.held_in.load(Ordering::Acquire) == number;
        slots.iter().filter(held).count()
    };
    while holding() < asked && begun.elapsed() < UNTIL_HELD {
        let nap = libc::timespec {
            tv_sec: 0,
            tv_nsec: 20_000,
        };
        // SAFETY: the time lives on the stack.
        unsafe { libc::nanosleep(&raw const nap, ptr::null_mut()) };
    }
    NOT_HELD.store(asked.saturating_sub(holding()) as u64, Ordering::Relaxed);
    HOLDING_US.store(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
    held
}

/// Threads of the last stop that neither held nor waited in the kernel: what their stacks hold is not known.
pub(crate) fn not_held() -> u64 {
    NOT_HELD.load(Ordering::Relaxed)
}

/// How long it took in the last stop until all held, microseconds: so long the first ones waited before the process was copied.
pub(crate) fn holding_us() -> u64 {
    HOLDING_US.load(Ordering::Relaxed)
}

fn ids() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// Whether the thread waits in the kernel; then its stack pointer and the arguments of its call are kept. Allocates nothing.
fn waits(id: i32, slot: &Slot) -> bool {
    let mut path = [0u8; 64];
    let mut text = [0u8; 256];
    let mut rest = path.as_mut_slice();
    if write!(rest, "/proc/self/task/{id}/syscall\0").is_err() {
        return false;
    }
    // SAFETY: the path ends with a zero; reads at most the buffer's length.
    let length = unsafe {
        let file = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return false;
        }
        let length = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        length
    };
    let text = usize::try_from(length)
        .ok()
        .and_then(|length| text.get(..length));
    text.and_then(|text| std::str::from_utf8(text).ok())
        .is_some_and(|text| take_down(text, slot))
}

/// `running`; `-1 SP PC`; or the call's number, its six arguments, SP and PC.
fn take_down(text: &str, slot: &Slot) -> bool {
    let mut fields = text.split_ascii_whitespace();
    let hexadecimal = |field: &str| usize::from_str_radix(field.strip_prefix("0x")?, 16).ok();
    if fields.next().is_none_or(|first| first == "running") {
        return false;
    }
    let mut values = [0usize; 8];
    let mut count = 0usize;
    for (place, field) in values.iter_mut().zip(fields) {
        let Some(value) = hexadecimal(field) else {
            return false;
        };
        *place = value;
        count += 1;
    }
    // The stack pointer is the last but one; what lies before are arguments.
    let Some(stack) = count.checked_sub(2) else {
        return false;
    };
    slot.stack.store(values[stack], Ordering::Relaxed);
    slot.keep_top(values[stack + 1], 0);
    for (place, &value) in slot.registers.iter().zip(&values[..stack]) {
        place.store(value, Ordering::Relaxed);
    }
    true
}

/// A thread as it was when the process was copied.
pub(crate) struct Thread {
    pub(crate) id: i32,
    /// Whether it asked for the dump: the snapshot process goes on on its stack.
    pub(crate) asked: bool,
    /// Its stack pointer, if it is known.
    pub(crate) stack: Option<usize>,
    pub(crate) top: Top,
    pub(crate) registers: [usize; REGISTERS],
}

/// The threads of the last stop.
pub(crate) fn stopped() -> impl Iterator<Item = Thread> {
    let used = USED.load(Ordering::Acquire).min(slots().len());
    let asking = ASKING.load(Ordering::Relaxed);
    slots()[..used].iter().map(move |slot| Thread {
        asked: slot.id.load(Ordering::Relaxed) == asking,
        id: slot.id.load(Ordering::Relaxed),
        stack: Some(slot.stack.load(Ordering::Relaxed)).filter(|&stack| stack != 0),
        top: Top {
            code: slot.code.load(Ordering::Relaxed),
            frame: slot.frame.load(Ordering::Relaxed),
        },
        registers: std::array::from_fn(|at| slot.registers[at].load(Ordering::Relaxed)),
    })
}
