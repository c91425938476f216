//! What applications do to themselves.

use std::fs::OpenOptions;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

static FIRST: AtomicU32 = AtomicU32::new(0);
static SECOND: AtomicU32 = AtomicU32::new(0);
static CHILDREN: AtomicU32 = AtomicU32::new(0);
static CHAINED_TO: AtomicUsize = AtomicUsize::new(0);

extern "C" fn first(_: i32) {
    FIRST.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn second(_: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    assert!(!info.is_null() && !context.is_null());
    SECOND.fetch_add(1, Ordering::Relaxed);
}

/// Calls the handler that it found, as careful libraries do.
extern "C" fn chaining(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    second(signal, info, context);
    let found = CHAINED_TO.load(Ordering::Relaxed) as *const ();
    type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);
    // SAFETY: memdump's handler, which takes three arguments.
    let found = unsafe { std::mem::transmute::<*const (), Handler>(found) };
    found(signal, info, context);
}

extern "C" fn child_ended(_: i32) {
    CHILDREN.fetch_add(1, Ordering::Relaxed);
}

fn handle(signal: i32, handler: usize, flags: i32) -> usize {
    // SAFETY: plain data; the handlers above are async-signal-safe and fit their flags.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(
            libc::sigaction(signal, &raw const action, &raw mut before),
            0
        );
        before.sa_sigaction
    }
}

pub(crate) fn obey(words: &[&str]) -> Result<String, String> {
    match words {
        // One argument, and it wants system calls to be interrupted.
        ["handle", "first"] => {
            handle(libc::SIGUSR1, first as *const () as usize, 0);
        }
        ["handle", "second"] => {
            handle(
                libc::SIGUSR1,
                second as *const () as usize,
                libc::SA_SIGINFO,
            );
        }
        ["handle", "chaining"] => {
            let handler = chaining as *const () as usize;
            CHAINED_TO.store(
                handle(libc::SIGUSR1, handler, libc::SA_SIGINFO),
                Ordering::Relaxed,
            );
        }
        ["handle", "ignore"] => {
            handle(libc::SIGUSR1, libc::SIG_IGN, 0);
        }
        ["handle", "children"] => {
            handle(
                libc::SIGCHLD,
                child_ended as *const () as usize,
                libc::SA_RESTART,
            );
        }
        ["handle", "no-children"] => {
            handle(libc::SIGCHLD, libc::SIG_IGN, 0);
        }
        ["handled"] => {
            return Ok(format!(
                "first={} second={} children={}",
                FIRST.load(Ordering::Relaxed),
                SECOND.load(Ordering::Relaxed),
                CHILDREN.load(Ordering::Relaxed)
            ));
        }
        ["flags"] => {
            // SAFETY: plain data; only reads.
            let flags = unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                libc::sigaction(libc::SIGUSR1, std::ptr::null(), &raw mut action);
                action.sa_flags
            };
            return Ok(format!("restart={}", flags & libc::SA_RESTART != 0));
        }
        ["wait-any"] => {
            let mut status = 0;
            // SAFETY: points to an int.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
            let error = std::io::Error::last_os_error().raw_os_error();
            return Ok(format!(
                "{pid} {}",
                if pid < 0 { error.unwrap() } else { 0 }
            ));
        }
        ["malloc", threads] => malloc_in(threads.parse().unwrap()),
        ["processes", limit] => lower(libc::RLIMIT_NPROC, limit.parse().unwrap()),
        ["descriptors", limit] => lower(libc::RLIMIT_NOFILE, limit.parse().unwrap()),
        // SAFETY: has no memory arguments; libc does it for all threads.
        ["nobody"] => unsafe {
            assert_eq!(libc::setresuid(65_534, 65_534, 65_534), 0);
        },
        ["threads"] => return Ok(threads().to_string()),
        _ => return Err(format!("no such command: {words:?}")),
    }
    Ok("ok".into())
}

fn lower(resource: libc::__rlimit_resource_t, value: u64) {
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: lowers a limit of this process.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}

/// Threads of this process, as CPython counts them before it warns about a fork.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// A worker: lives until somebody ends it, or its parent is gone.
pub(crate) fn work_for_ever() -> ! {
    // SAFETY: no memory involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    loop {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

fn malloc_in(threads: u32) {
    for seed in 0..threads {
        std::thread::spawn(move || {
            let mut kept: Vec<Vec<u8>> = (0..64).map(|_| Vec::new()).collect();
            let mut state = seed;
            loop {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                kept[(state >> 26) as usize] = Vec::with_capacity((state >> 12) as usize & 0xffff);
            }
        });
    }
}

pub(crate) fn close_all_below(limit: i32) {
    for descriptor in 0..limit {
        // SAFETY: what a daemon does; nothing here uses them any more.
        unsafe { libc::close(descriptor) };
    }
}

/// Opens files of the application's own until every low number is taken. Returns how many.
pub(crate) fn occupy_descriptors(directory: &Path) -> usize {
    (0..20)
        .map(|n| {
            let file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .open(directory.join(format!("foreign.{n}")))
                .unwrap();
            assert_eq!(file.into_raw_fd(), n);
        })
        .count()
}
