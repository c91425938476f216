//! Dumps that nobody asks for by hand: for the memory's sake, when the runtime runs out of it, at exit.

use std::time::{Duration, Instant};

use crate::agent;
use crate::doorbell::DOORBELL;
use crate::install::{self, Installation};
use crate::memory;
use crate::pace::Pace;
use crate::process::{Process, State};
use crate::sys;
use crate::trigger::Trigger;
use crate::triggers::{Amount, EXIT_LIMIT, Triggers};
use crate::vigil::Vigil;
use crate::{Waiting, wording::Event};

/// Makes what the triggers need, and forgets what was watched before.
pub(crate) fn prepare(state: &mut State, triggers: &Triggers) {
    let share = triggers.memory.is_some_and(|levels| {
        [levels.first, levels.step]
            .iter()
            .any(|amount| matches!(amount, Amount::Percent(_)))
    });
    let limit = share.then(|| memory::limit(sys::process_id())).flatten();
    state.vigil = Vigil::new(triggers, limit, now());
    let any = state.vigil.is_some() || triggers.memory_error || triggers.exit.is_some();
    // A worker that installs once more keeps the pace of its family. Without memory for a pace there is no such dump: better none
    // than too many.
    let known = state.pace.map(|pace| pace.with_interval(triggers.interval));
    state.pace = any
        .then(|| known.or_else(|| Pace::new(triggers.interval).ok()))
        .flatten();
}

/// What the agent finds when it looks at the memory.
pub(crate) enum Look {
    /// A dump is due, and it is this process's turn.
    Due(Trigger),
    /// Nothing; the next look is due then. `None`: nothing is watched.
    Nothing(Option<Duration>),
}

/// Looks at the resident memory if that is asked for and it is time.
pub(crate) fn look(state: &mut State) -> Look {
    let (Some(vigil), Some(pace)) = (&mut state.vigil, &state.pace) else {
        return Look::Nothing(None);
    };
    let now = now();
    let wait = vigil.until_look(now);
    if !wait.is_zero() {
        return Look::Nothing(Some(wait));
    }
    let resident = memory::resident(sys::process_id()).unwrap_or(0);
    match vigil.look(resident, now) {
        Some(trigger) if pace.take_for_memory(now) => {
            vigil.taken(resident, now);
            Look::Due(trigger)
        }
        _ => Look::Nothing(Some(vigil.until_look(now))),
    }
}

/// To be called where the runtime ran out of memory, on the thread that has its lock: takes the snapshot there and then, while all that
/// took the memory is still alive, and leaves the rest to the agent. Returns as soon as the runtime may go on. Does nothing unless the
/// settings ask for it, and not too often; tells whether a snapshot was taken.
pub fn memory_error() -> bool {
    let Some(installation) = install::current().filter(|now| now.settings.triggers.memory_error)
    else {
        return false;
    };
    let Some(process) = Process::existing() else {
        return false;
    };
    let sequence = {
        let mut state = process.lock();
        // Without an agent nobody would look after the snapshot process.
        let possible = !state.busy && state.wanted && state.forks == 0 && state.agent.is_some();
        if !possible || !state.pace.is_some_and(|pace| pace.take_for_error(now())) {
            return false;
        }
        state.busy = true;
        state.book.next_sequence()
    };
    let trigger = Trigger::MemoryError;
    let begin = Event::Begin { sequence, trigger }.to_string();
    process.lock().unsaid.push(begin);
    agent::take_unasked(process, installation, trigger);
    DOORBELL.wake();
    true
}

/// To be called before [`shutdown`](crate::shutdown) at the end of the process: takes the dump that the settings ask for, and waits for
/// it and for one that an error of memory asked for, as long as the settings allow. A dump that takes longer is not given up: its process
/// goes on alone.
pub fn wait_at_exit(waiting: Waiting<'_>) {
    let (Some(installation), Some(process)) = (install::current(), Process::existing()) else {
        return;
    };
    let Some(limit) = ask_at_exit(process, installation) else {
        return;
    };
    let give_up = Instant::now() + limit;
    waiting(&mut || {
        loop {
            let state = process.lock();
            let over = !state.busy && state.wanted_dump.is_none();
            let alone = !state.agent.as_ref().is_some_and(agent::Agent::is_alive);
            if over || alone || Instant::now() >= give_up {
                return;
            }
            process.wait_for_change(state, Duration::from_millis(10));
        }
    });
}

/// For how long the end is to be held up, if at all.
fn ask_at_exit(process: &'static Process, installation: &Installation) -> Option<Duration> {
    let mut state = process.lock();
    if !state.wanted {
        return None;
    }
    let exit = installation.settings.triggers.exit;
    if exit.is_some() && state.pace.is_some_and(|pace| pace.take_for_exit(now())) {
        state.wanted_dump = Some(Trigger::Exit);
        DOORBELL.wake();
        return exit;
    }
    let watched = state.watched.as_ref().map(|watched| watched.trigger);
    (watched == Some(Trigger::MemoryError)).then_some(EXIT_LIMIT)
}

fn now() -> Duration {
    sys::clock(libc::CLOCK_MONOTONIC)
}
