//! The snapshot process, from the clone to its end. It has one thread, must not use libc's allocator or any lock that the
//! target has, and must leave no trace in the target: no descriptor held open, no handler run, no stream flushed.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crate::arena;
use crate::census::Census;
use crate::context::{self, SnapshotContext};
use crate::exchange::{Exchange, Failure};
use crate::failpoint::{self, Failpoint};
use crate::landing;
use crate::publish::{self, NewDump};
use crate::settings::{IoPriority, Settings};
use crate::snapshot::Order;
use crate::sys;
use crate::target::WalkError;

/// Where the snapshot process says how it went; null in the target.
static EXCHANGE: AtomicPtr<Exchange> = AtomicPtr::new(std::ptr::null_mut());

/// The page of this snapshot process; `None` in the target.
pub(crate) fn exchange() -> Option<&'static Exchange> {
    // SAFETY: null, or set by `run` to an exchange on a stack frame that this process never leaves.
    unsafe { EXCHANGE.load(Ordering::Relaxed).as_ref() }
}

/// Is the snapshot process. `cloned` is the time just before the clone.
pub(crate) fn run(
    order: &Order<'_>,
    exchange: &Exchange,
    census: Option<&Arc<Census>>,
    target: libc::pid_t,
    cloned: Instant,
    wait: Duration,
) -> ! {
    let pause = cloned.elapsed();
    arena::enter_child();
    EXCHANGE.store(std::ptr::from_ref(exchange).cast_mut(), Ordering::Relaxed);
    if failpoint::is_on(Failpoint::KilledAtStart) {
        kill_self();
    }
    withdraw(order.settings);
    if let Err(error) = landing::arm() {
        give_up(Failure::SetUp, error.raw_os_error().unwrap_or(0), b"");
    }
    if failpoint::is_turn(Failpoint::StopsAtStart) {
        stop_self();
    }
    let deadline = cloned + order.settings.deadline;
    let dump = match publish::create(order, target) {
        Ok(dump) => dump,
        Err((failure, errno)) => give_up(failure, errno, b""),
    };
    let facts = context::Facts {
        target,
        sequence: dump.sequence,
        trigger: order.trigger,
        wait,
        pause,
        labels: order.settings.labels,
        values: order.settings.values,
        arguments: order.settings.arguments,
        deadline,
        census: census.cloned(),
        previous: order.previous.clone(),
    };
    let context = SnapshotContext::collect(&facts);
    if failpoint::is_on(Failpoint::WalkFaults) {
        // SAFETY: it is not: this is the injected memory fault.
        unsafe { std::ptr::without_provenance::<u8>(16).read_volatile() };
    }
    if failpoint::is_on(Failpoint::WalkPanics) {
        std::panic::panic_any(());
    }
    let file = dump.file(deadline, order.settings.min_free);
    match order.target.walk(file, &context) {
        Ok(summary) => finish(order, dump, exchange, summary),
        Err(WalkError::Io(errno)) => give_up(Failure::Write, errno, b""),
        Err(WalkError::Heap(why)) => give_up(Failure::Heap, 0, why.as_bytes()),
    }
}

fn finish(
    order: &Order<'_>,
    mut dump: NewDump,
    exchange: &Exchange,
    summary: crate::WalkSummary,
) -> ! {
    match publish::publish(&mut dump, order) {
        Ok(published) => {
            exchange.set_published(&published, dump.sequence, summary);
            exchange.clear_partial();
            publish::remove_obsolete(&order.obsolete);
            sys::exit_now(0)
        }
        Err((failure, errno)) => give_up(failure, errno, b""),
    }
}

/// Ends the snapshot process without a dump. The first cause that was told stands.
pub(crate) fn give_up(failure: Failure, errno: i32, detail: &[u8]) -> ! {
    static GIVING_UP: AtomicBool = AtomicBool::new(false);
    if let Some(exchange) = exchange() {
        exchange.fail(failure, errno, detail);
        // Removing the file allocates, and that may be what failed; then the target removes it.
        if !GIVING_UP.swap(true, Ordering::Relaxed) {
            publish::remove_partial(exchange);
        }
    }
    sys::exit_now(failure.exit_code())
}

/// Makes a panic in the snapshot process end that process with its place told. Std's way would print under a lock that a
/// thread of the target may hold, unwind, and abort through libc, which (on musl) aims at the thread id of the *target*.
pub(crate) fn take_panics() {
    static TAKEN: Once = Once::new();
    TAKEN.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if arena::in_child() {
                let place = info.location().map(|place| format!("{place}"));
                give_up(Failure::Panicked, 0, place.unwrap_or_default().as_bytes());
            }
            before(info);
        }));
    });
}

/// Lets go of everything that belongs to the target, and steps back behind it.
fn withdraw(settings: &Settings) {
    close_descriptors();
    reset_signals();
    // Past the deadline the target kills this process; if the target is gone by then, the alarm does.
    let last_resort = settings.deadline.as_secs().saturating_add(5);
    // SAFETY: system calls that concern this process only; where one fails, the dump is taken without it.
    unsafe {
        libc::alarm(u32::try_from(last_resort).unwrap_or(u32::MAX));
        limit(libc::RLIMIT_CPU, last_resort);
        lift(libc::RLIMIT_AS);
        // 1 and not 0: where cores are piped to a program, the kernel takes only 1 for "none".
        limit(libc::RLIMIT_CORE, 1);
        let policy = libc::sched_getscheduler(0);
        if policy == libc::SCHED_FIFO || policy == libc::SCHED_RR {
            let priority: libc::sched_param = std::mem::zeroed();
            libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const priority);
        }
        libc::nice(settings.nice.into());
        const IOPRIO_WHO_PROCESS: i32 = 1;
        let io_priority = match settings.io_priority {
            IoPriority::BestEffort(level) => (2 << 13) | i32::from(level),
            IoPriority::Idle => 3 << 13,
        };
        libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, io_priority);
        libc::prctl(libc::PR_SET_NAME, c"memdump-snap".as_ptr());
    }
    // A memory limit then kills this process and not the service.
    let _ = sys::write_file(c"/proc/self/oom_score_adj", b"1000");
}

/// A target that has reached its own limit on addresses leaves nothing to this process.
fn lift(resource: libc::__rlimit_resource_t) {
    // SAFETY: points to limits of this process; the soft one may be raised to the hard one.
    unsafe {
        let mut limits: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(resource, &raw mut limits) == 0 {
            limits.rlim_cur = limits.rlim_max;
            libc::setrlimit(resource, &raw const limits);
        }
    }
}

fn limit(resource: libc::__rlimit_resource_t, value: u64) {
    // SAFETY: points to limits of this process; lowering them is always allowed, raising is not and then fails.
    unsafe {
        let mut limits: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(resource, &raw mut limits) == 0 {
            limits.rlim_max = limits.rlim_max.min(value);
            limits.rlim_cur = limits.rlim_cur.min(value);
            libc::setrlimit(resource, &raw const limits);
        }
    }
}

/// Peers of the target's connections would otherwise see them end late.
fn close_descriptors() {
    // SAFETY: this process uses none of the target's descriptors.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) == 0 {
            return;
        }
        // Kernels before 5.9, and filters that refuse what they do not know.
        let mut limits: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits);
        for descriptor in 0..limits.rlim_cur.min(1 << 20) as i32 {
            libc::close(descriptor);
        }
    }
}

/// All signals were blocked for the clone and stay so, but for those that must reach this process.
fn reset_signals() {
    // SAFETY: a sigaction is plain data; libc refuses the numbers that it keeps for itself.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const default, std::ptr::null_mut());
        }
    }
    let heard = landing::FAULTS.into_iter().chain([libc::SIGALRM]);
    sys::signal_mask(libc::SIG_UNBLOCK, &sys::signal_set(heard));
}

/// Injected: what the kernel's out-of-memory killer does.
fn stop_self() {
    // SAFETY: the id is this process's own, from the kernel.
    unsafe { libc::kill(sys::process_id(), libc::SIGSTOP) };
}

pub(crate) fn kill_self() -> ! {
    // SAFETY: the id is this process's own, from the kernel.
    unsafe { libc::kill(sys::process_id(), libc::SIGKILL) };
    sys::exit_now(1)
}
