//! What the runtime's fork hooks call, so that a process forks without the agent's thread and its children can be dumped.

use crate::Waiting;
use crate::agent;
use crate::doorbell::DOORBELL;
use crate::install;
use crate::process::Process;
use crate::signals;
use crate::sys;

/// Ends the agent's thread, so that the process forks with one thread less. Nothing that was asked for is lost: requests wait, and a
/// snapshot process goes on. Takes some 0.1 ms when idle. `waiting` is used if the agent may be waiting for the runtime's lock.
pub fn before_fork(waiting: Waiting<'_>) {
    let Some(process) = Process::existing() else {
        return;
    };
    process.lock().forks += 1;
    agent::stop(process, waiting);
}

/// Starts the agent's thread again. If that fails the next fork or installation tries again; `status` tells.
pub fn after_fork_in_parent() {
    let Some(process) = Process::existing() else {
        return;
    };
    {
        let mut state = process.lock();
        state.forks = state.forks.saturating_sub(1);
    }
    let _ = install::start(process);
}

/// Gives a forked process an agent, a status page and sequence numbers of its own. What its parent was asked for is the parent's.
pub fn after_fork_in_child() {
    let heritage = Process::leave_parent();
    DOORBELL.leave_parent();
    signals::forget_visits();
    let process = Process::current();
    {
        let now = sys::clock(libc::CLOCK_MONOTONIC);
        let mut state = process.lock();
        state.wanted = heritage.wanted;
        state.vigil = heritage.vigil.map(|vigil| vigil.inherited(now));
        state.pace = heritage.pace;
    }
    let _ = install::start(process);
}
