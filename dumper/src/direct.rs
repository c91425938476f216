//! A dump by a direct call.

use std::path::Path;

use crate::doorbell::DOORBELL;
use crate::process::Process;
use crate::report::{DumpError, Report};
use crate::settings::Settings;
use crate::snapshot::{self, Destination, Finished, Order, Trouble};
use crate::sys;
use crate::target::Target;
use crate::trigger::Trigger;
use crate::{Waiting, agent, child};

/// Writes a dump to `path` now, on this thread, and waits until it is published; needs no installation. Another dump that is being
/// taken is waited for. An existing file is never overwritten. The runtime's lock may be held: `waiting` lets it go where this
/// blocks, and [`Target::hold_still`] is called outside of `waiting`. Nothing is logged.
///
/// # Errors
///
/// Why there is no dump; no part of it is left then.
pub fn dump_now(
    target: &dyn Target,
    path: &Path,
    settings: &Settings,
    waiting: Waiting<'_>,
) -> Result<Report, DumpError> {
    child::take_panics();
    let process = Process::current();
    waiting(&mut || agent::wait_for_turn(process));
    let (sequence, previous, path) = {
        let state = process.lock();
        // The snapshot process has the same working directory, but a log line or an error should name the file.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        (state.book.next_sequence(), state.book.census.clone(), path)
    };
    let order = Order {
        target,
        settings,
        destination: Destination::Exact(path),
        trigger: Trigger::Call,
        sequence,
        obsolete: Vec::new(),
        previous,
    };
    let outcome = take_and_wait(&order, waiting);
    let mut state = process.lock();
    let result = state.book.settle(outcome, settings, &order.destination);
    process.pass_turn(&mut state);
    drop(state);
    // Requests that came meanwhile are the agent's.
    DOORBELL.wake();
    result
}

fn take_and_wait(order: &Order<'_>, waiting: Waiting<'_>) -> Result<Finished, Trouble> {
    let mut running = snapshot::take(order, &mut || {})?;
    let mut outcome = None;
    waiting(&mut || {
        while outcome.is_none() {
            match running.poll() {
                None => sys::nap(running.patience()),
                ended => outcome = ended,
            }
        }
    });
    outcome.unwrap_or_else(|| Err(Trouble::Target("the caller did not wait".into())))
}
