//! Installing, asking how things stand, and shutting down.
#![allow(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use memdump_format::status_page::{StatusPage, TargetState};

use crate::agent::{self, Agent};
use crate::process::Process;
use crate::report::{InstallError, Installed, Status};
use crate::settings::Settings;
use crate::signals::{self, Armed, Role};
use crate::status::Page;
use crate::sys;
use crate::target::Target;
use crate::vigil::Vigil;
use crate::{Waiting, child, log, unattended};

/// What was installed. Never changed and never freed: an agent, a forked process or a snapshot may be reading it.
pub(crate) struct Installation {
    pub(crate) target: Arc<dyn Target>,
    pub(crate) settings: Settings,
    pub(crate) first: Armed,
    pub(crate) second: Option<Armed>,
}

static CURRENT: AtomicPtr<Installation> = AtomicPtr::new(std::ptr::null_mut());

/// What is installed.
pub(crate) fn current() -> Option<&'static Installation> {
    // SAFETY: null, or leaked by `install`.
    unsafe { CURRENT.load(Ordering::Acquire).as_ref() }
}

/// Arms the signals and starts the agent. Called again: takes the new target and settings, and takes a signal back if somebody
/// replaced its handler meanwhile (that handler is then called as well). Not to be called by two threads at once.
///
/// # Errors
///
/// A signal cannot be handled or the agent's thread not be started.
pub fn install(
    target: Arc<dyn Target>,
    settings: Settings,
    waiting: Waiting<'_>,
) -> Result<(), InstallError> {
    child::take_panics();
    log::remember_stderr();
    let process = Process::current();
    // The agent unblocks the second signal when it starts, so a new one needs a new agent.
    agent::stop(process, waiting);
    let armed = arm(&settings);
    if let Ok((first, second)) = armed {
        let installation = Installation {
            target,
            settings,
            first,
            second,
        };
        unattended::prepare(&mut process.lock(), &installation.settings.triggers);
        CURRENT.store(Box::into_raw(Box::new(installation)), Ordering::Release);
        process.lock().wanted = true;
    }
    // Even if nothing could be armed: an earlier installation goes on.
    let started = start(process).map_err(InstallError::Thread);
    armed.map(|_| ()).and(started)
}

fn arm(settings: &Settings) -> Result<(Armed, Option<Armed>), InstallError> {
    let before = current();
    let number = settings.signal.number();
    let first = rearm_or_arm(before.map(|b| b.first), number, Role::Ask)?;
    let known = before.and_then(|b| b.second);
    let wanted = settings.second_signal.map(|signal| signal.number());
    let number = wanted
        .or(known.map(|armed| armed.signal()).filter(|&n| n != number))
        .or_else(signals::free_real_time_signal);
    let second = number
        .map(|number| rearm_or_arm(known, number, Role::Send))
        .transpose()?;
    Ok((first, second))
}

fn rearm_or_arm(known: Option<Armed>, signal: i32, role: Role) -> Result<Armed, InstallError> {
    let armed = match known {
        Some(known) if known.signal() == signal => known.rearm().map(|()| known),
        _ => signals::arm(signal, role).inspect(|_| {
            if let Some(known) = known {
                known.disarm();
            }
        }),
    };
    armed.map_err(|error| InstallError::Signal { signal, error })
}

/// Starts the agent of this process, with a page for `memdump send`.
pub(crate) fn start(process: &'static Process) -> io::Result<()> {
    let Some(installation) = current() else {
        return Ok(());
    };
    {
        let mut state = process.lock();
        if !state.wanted {
            return Ok(());
        }
        let fill = |page: &mut StatusPage| {
            page.pid = sys::process_id().unsigned_abs();
            page.signal = installation.first.signal().unsigned_abs();
            page.second_signal = installation.second.map(|s| s.signal().unsigned_abs());
            if page.state == TargetState::ShutDown {
                page.state = TargetState::Idle;
            }
        };
        match &mut state.page {
            Some(page) => page.update(fill),
            None => {
                let mut content = StatusPage::default();
                fill(&mut content);
                // Without the page (no descriptor is free) everything works but `memdump send`.
                state.page = Page::new(content).ok();
            }
        }
    }
    agent::start(process)
}

/// The settings of the last installation.
pub fn settings() -> Option<Settings> {
    current().map(|installation| installation.settings.clone())
}

/// How things stand in this process.
pub fn status() -> Status {
    let installed = current().map(|now| Installed {
        signal: now.settings.signal,
        taken_away: now.first.taken_away(),
        second_signal: now
            .second
            .filter(|second| !second.taken_away())
            .and_then(|second| crate::Signal::new(second.signal())),
    });
    let settings = settings();
    let Some(process) = Process::existing() else {
        return Status {
            installed,
            settings,
            ..Status::default()
        };
    };
    let state = process.lock();
    Status {
        installed,
        settings,
        next_level: state.vigil.as_ref().and_then(Vigil::next_level),
        held_back: state.pace.map_or(Duration::ZERO, |pace| {
            pace.left_for_memory(sys::clock(libc::CLOCK_MONOTONIC))
        }),
        agent_alive: state.agent.as_ref().is_some_and(Agent::is_alive),
        in_progress: state.busy,
        dumps: state.book.dumps,
        ignored: state.book.ignored,
        last_report: state.book.last_report.clone(),
        last_error: state.book.last_error.clone(),
    }
}

/// Stops the agent for good: to be called before the runtime goes away. From then on signals only ring a doorbell that nobody hears. A
/// snapshot process that is under way completes its dump.
pub fn shutdown(waiting: Waiting<'_>) {
    let Some(process) = Process::existing() else {
        return;
    };
    process.lock().wanted = false;
    agent::stop(process, waiting);
    if let Some(page) = &mut process.lock().page {
        page.update(|page| page.state = TargetState::ShutDown);
    }
}
