//! Installing, and taking a dump by a call.

use std::path::Path;
use std::sync::Arc;

use memdump_dumper::{
    DumpError, Report, Settings, SettingsBuilder, SettingsError, dump_now, wait_plainly,
};

use crate::sites::{self, MOST_FRAMES};
use crate::target::{NativeProgram, Runtime};
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
    /// The program does not allocate by the `malloc` that was preloaded.
    #[error(
        "the program's malloc is another one, linked into it or loaded before: its blocks are not known"
    )]
    Malloc,
    /// The system has no memory for the map of blocks, perhaps because addresses are limited (`ulimit -v`).
    #[error(
        "the system refuses memory to remember where blocks are (64 MiB of addresses at a time)"
    )]
    Map,
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Threads cannot be held still.
    #[error("cannot prepare to hold threads: {0}")]
    Threads(std::io::Error),
    /// `MEMDUMP_STACKS` is no number from 0 to 8.
    #[error("MEMDUMP_STACKS={0}: a number from 0 (off) to 8 is allowed")]
    Stacks(String),
    /// What is called in forked processes cannot be remembered.
    #[error("cannot prepare for forks: {0}")]
    Fork(std::io::Error),
    /// There is no memory for the table of stacks.
    #[error("cannot remember stacks: {0}")]
    StackTable(std::io::Error),
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
    Builder::new().install()
}

/// How to install; what is not given comes from the environment, then from the defaults.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    settings: SettingsBuilder,
    stacks: Option<u8>,
    runtime: Runtime,
}

impl Builder {
    /// Nothing given yet.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Gives the settings that targets of all kinds have: signal, directory, triggers.
    pub fn settings(mut self, settings: SettingsBuilder) -> Builder {
        self.settings = settings;
        self
    }

    /// How many return addresses are remembered of each block that is allocated from the installation on, 0 (off) to 8; more count as 8. They
    /// tell the block's type. `MEMDUMP_STACKS`; 8.
    pub fn stacks(mut self, frames: u8) -> Builder {
        self.stacks = Some(frames);
        self
    }

    /// Whose heap it is: of a program in Rust, if nothing else is said.
    #[doc(hidden)]
    pub fn runtime(mut self, runtime: Runtime) -> Builder {
        self.runtime = runtime;
        self
    }

    /// Installs. Called again it takes the new settings; another number of stacks counts for blocks that are allocated from then on.
    ///
    /// # Errors
    ///
    /// As [`install`].
    pub fn install(self) -> Result<(), InstallError> {
        check_allocator(self.runtime)?;
        local::own(|| {
            let settings = self.settings.build()?;
            let stacks = match self.stacks {
                Some(stacks) => stacks,
                None => stacks_of_environment()?,
            };
            threads::prepare().map_err(InstallError::Threads)?;
            memdump_dumper::install(
                Arc::new(NativeProgram(self.runtime)),
                settings,
                &wait_plainly,
            )?;
            // Last: what is not installed shall cost nothing.
            sites::set_depth(stacks).map_err(InstallError::StackTable)
        })
    }
}

fn stacks_of_environment() -> Result<u8, InstallError> {
    let Some(given) = std::env::var_os("MEMDUMP_STACKS") else {
        return Ok(MOST_FRAMES as u8);
    };
    let number = given.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|&number| usize::from(number) <= MOST_FRAMES)
        .ok_or_else(|| InstallError::Stacks(given.to_string_lossy().into_owned()))
}

/// Writes a dump to a file now and waits until it is complete; needs no installation. An existing file is never overwritten.
///
/// # Errors
///
/// Why there is no dump: no part of it is left then.
pub fn dump(path: impl AsRef<Path>, settings: &Settings) -> Result<Report, DumpError> {
    dump_of(Runtime::default(), path.as_ref(), settings)
}

/// As [`dump`], and says whose heap it is.
///
/// # Errors
///
/// As [`dump`].
pub fn dump_of(runtime: Runtime, path: &Path, settings: &Settings) -> Result<Report, DumpError> {
    local::own(|| {
        // Without it threads that run are not held, and what they hold is missing.
        let _ = threads::prepare();
        dump_now(&NativeProgram(runtime), path, settings, &wait_plainly)
    })
}

fn check_allocator(runtime: Runtime) -> Result<(), InstallError> {
    let probe = std::hint::black_box(Box::new([0u8; 48]));
    match map::get(probe.as_ptr().addr()) != 0 {
        true => Ok(()),
        false => Err(match runtime {
            _ if map::missed() > 0 => InstallError::Map,
            Runtime::Rust => InstallError::Allocator,
            Runtime::Malloc => InstallError::Malloc,
        }),
    }
}
