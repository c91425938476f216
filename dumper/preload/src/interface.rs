//! The interface for programs in C: `include/memdump.h` says what these do.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use memdump::{Runtime, SettingsBuilder, malloc};

use crate::start;

/// Why the last call failed.
static ERROR: Mutex<String> = Mutex::new(String::new());

/// 0, or −1 with the reason kept.
fn answer(run: impl FnOnce() -> Result<(), String>) -> c_int {
    malloc::own(|| match run() {
        Ok(()) => 0,
        Err(why) => {
            *ERROR.lock().unwrap_or_else(PoisonError::into_inner) = why;
            -1
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn memdump_install() -> c_int {
    answer(|| start::install().map_err(|error| error.to_string()))
}

/// # Safety
///
/// `path` is a text that ends with a zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn memdump_dump(path: *const c_char) -> c_int {
    answer(|| {
        if path.is_null() {
            return Err("no path is given".into());
        }
        // SAFETY: of the caller.
        let path = unsafe { CStr::from_ptr(path) };
        let path = Path::new(OsStr::from_bytes(path.to_bytes()));
        let settings = SettingsBuilder::new().build();
        let settings = settings.map_err(|error| error.to_string())?;
        memdump::dump_of(Runtime::Malloc, path, &settings)
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
}

/// # Safety
///
/// `text` has room for `size` bytes, or `size` is 0.
#[unsafe(no_mangle)]
unsafe extern "C" fn memdump_error(text: *mut c_char, size: usize) -> usize {
    let error = ERROR.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(most) = size.checked_sub(1) {
        let length = error.len().min(most);
        // SAFETY: of the caller.
        unsafe {
            ptr::copy_nonoverlapping(error.as_ptr(), text.cast(), length);
            text.add(length).write(0);
        }
    }
    error.len()
}
