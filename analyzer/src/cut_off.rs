//! A dump is mapped, so reading what somebody has cut off from it meanwhile (a copy that is begun again, a full disk behind a network) is no
//! error of a call, but a signal, SIGBUS, which would end the program without a word.
#![allow(unsafe_code)]

use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::OnceLock;
use std::{mem, ptr, thread};

use crate::exit_code;
use crate::unfinished;

const TOLD: &str = "memdump: a file was cut off while it was read, or its disk has failed; \
    wait until dumps are whole, and copy them under another name first\n";

/// Where the handler asks for the end.
static BELL: OnceLock<PipeWriter> = OnceLock::new();

/// From now on the program says why it ends when a file that it reads is cut off, and ends as for a damaged dump. To be called once.
///
/// # Errors
/// If the signal cannot be handled.
pub fn tell_when_cut_off() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    BELL.get_or_init(|| writer);
    let thread = thread::Builder::new().name("cut off".to_owned());
    thread.spawn(move || end_when_asked(reader))?;
    // signal-hook would call the handler that was there before as well: std's, which has the next such signal end the program.
    // SAFETY: a sigaction is plain data, and what the handler does may be done in one.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        let handler: extern "C" fn(libc::c_int) = ring;
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK;
        match libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// The handler: the thread that reads can neither go on nor, wherever it is, tell anything itself.
extern "C" fn ring(_: libc::c_int) {
    let bell: RawFd = BELL.get().map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: async-signal-safe; the byte is a constant.
    unsafe {
        libc::write(bell, [0u8].as_ptr().cast(), 1);
        loop {
            libc::pause();
        }
    }
}

fn end_when_asked(mut reader: PipeReader) {
    if reader.read_exact(&mut [0]).is_err() {
        return;
    }
    let _held = unfinished::remove_all();
    // SAFETY: writes a constant, past the lock of stderr, which the thread that cannot go on may have; ends without destructors.
    unsafe {
        libc::write(libc::STDERR_FILENO, TOLD.as_ptr().cast(), TOLD.len());
        libc::_exit(exit_code::DUMP.into());
    }
}
