//! Installing, and taking a dump by a call.

use std::path::Path;
use std::sync::Arc;

use memdump_dumper::{
    DumpError, Report, Settings, SettingsBuilder, SettingsError, dump_now, wait_plainly,
};

use crate::target::RustProgram;
use crate::{local, map, threads};

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The program's allocator is another one.
    #[error(
        "the program's allocator does not remember its blocks: declare \
         `#[global_allocator] static HEAP: memdump::Heap = memdump::Heap::system();` in the program"
    )]
    Allocator,
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Threads cannot be held still.
    #[error("cannot prepare to hold threads: {0}")]
    Threads(std::io::Error),
    /// A signal or the agent's thread.
    #[error(transparent)]
    Install(#[from] memdump_dumper::InstallError),
}

/// From now on a signal (SIGUSR1, or `MEMDUMP_SIGNAL`) makes this process write a heap dump. Settings come from the environment.
///
/// # Errors
///
/// The program's global allocator is not [`crate::Heap`], a setting cannot be used, or the system refuses a signal or a thread.
pub fn install() -> Result<(), InstallError> {
    install_with(SettingsBuilder::new())
}

/// As [`install`], with settings of the program's own; what is not given comes from the environment.
///
/// # Errors
///
/// As [`install`].
pub fn install_with(settings: SettingsBuilder) -> Result<(), InstallError> {
    check_allocator()?;
    local::own(|| {
        let settings = settings.build()?;
        threads::prepare().map_err(InstallError::Threads)?;
        memdump_dumper::install(Arc::new(RustProgram), settings, &wait_plainly)?;
        Ok(())
    })
}

/// Writes a dump to a file now and waits until it is complete; needs no installation. An existing file is never overwritten.
///
/// # Errors
///
/// Why there is no dump: no part of it is left then.
pub fn dump(path: impl AsRef<Path>, settings: &Settings) -> Result<Report, DumpError> {
    local::own(|| {
        // Without it threads that run are not held, and what they hold is missing.
        let _ = threads::prepare();
        dump_now(&RustProgram, path.as_ref(), settings, &wait_plainly)
    })
}

fn check_allocator() -> Result<(), InstallError> {
    let probe = std::hint::black_box(Box::new([0u8; 48]));
    match map::is_marked(probe.as_ptr().addr()) {
        true => Ok(()),
        false => Err(InstallError::Allocator),
    }
}
