//! The agent: a small native thread that sleeps on the doorbell, takes the dumps that are asked for, and looks after the
//! snapshot process. It sleeps for ever while nothing happens (and nothing is asked for that has to be looked for), and every 10 ms
//! looks while a snapshot process lives.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use memdump_format::status_page::{Answer, RequestOutcome, TargetState};

use crate::Waiting;
use crate::doorbell::{DOORBELL, Requests};
use crate::install::{self, Installation};
use crate::log;
use crate::process::{Process, State, Watched};
use crate::report::{DumpError, Report};
use crate::snapshot::{self, Destination, Finished, Order, Trouble};
use crate::sys;
use crate::trigger::Trigger;
use crate::unattended::{self, Look};
use crate::wording::Event;

/// Name of the thread, as `/proc/PID/task/TID/comm` shows it.
const NAME: &str = "memdump";
/// The snapshot process goes on on a copy of this stack.
const STACK: usize = 1 << 20;
/// How often it looks after a snapshot process.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// An idle agent is gone in far less; one that needs the runtime's lock is not before the caller has let that go.
const IDLE_END: Duration = Duration::from_millis(1);

/// The agent's thread.
#[derive(Debug)]
pub(crate) struct Agent {
    thread: JoinHandle<()>,
    own: Arc<Own>,
}

/// What an agent shares with those who end it. Each has its own: another may be started while this one is still ending.
#[derive(Debug, Default)]
struct Own {
    id: AtomicI32,
    stop: AtomicBool,
}

impl Agent {
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Waits until the kernel does not count the thread any more: CPython warns about forks with several threads.
    fn end(self, waiting: Waiting<'_>) {
        let begun = Instant::now();
        while self.is_alive() && begun.elapsed() < IDLE_END {
            sys::nap(Duration::from_micros(20));
        }
        let mut thread = Some(self.thread);
        let mut join = || {
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        };
        if begun.elapsed() < IDLE_END {
            join();
        } else {
            waiting(&mut join);
        }
        let id = self.own.id.load(Ordering::Acquire);
        while sys::thread_exists(id) && begun.elapsed() < Duration::from_millis(100) {
            sys::nap(Duration::from_micros(20));
        }
    }
}

/// Starts the agent if it is wanted and not there.
pub(crate) fn start(process: &'static Process) -> io::Result<()> {
    let mut state = process.lock();
    if !state.wanted || state.forks > 0 || state.agent.as_ref().is_some_and(Agent::is_alive) {
        return Ok(());
    }
    let own = Arc::new(Own::default());
    let threads = Arc::clone(&own);
    // A thread inherits the mask: no signal of the application may ever be served on the agent.
    let mask = sys::signal_mask(libc::SIG_SETMASK, &sys::all_signals());
    let thread = thread::Builder::new()
        .name(NAME.into())
        .stack_size(STACK)
        .spawn(move || run(process, &threads));
    sys::signal_mask(libc::SIG_SETMASK, &mask);
    state.agent = Some(Agent {
        thread: thread?,
        own,
    });
    Ok(())
}

/// Ends the agent if it is there. A snapshot that is under way stays in the process's state.
pub(crate) fn stop(process: &'static Process, waiting: Waiting<'_>) {
    let agent = process.lock().agent.take();
    if let Some(agent) = agent {
        agent.own.stop.store(true, Ordering::Release);
        DOORBELL.wake();
        agent.end(waiting);
    }
}

/// Waits until no dump is being taken, and takes the turn. Without an agent (the process is ending, or forking) nobody looks after
/// the snapshot process that it left, so this does; it writes no line, see [`log::line`].
pub(crate) fn wait_for_turn(process: &'static Process) {
    loop {
        let mut state = process.lock();
        if !state.busy {
            state.busy = true;
            return;
        }
        let left = match state.agent {
            None => state.watched.take(),
            Some(_) => None,
        };
        let Some(mut watched) = left else {
            process.wait_for_change(state, LOOK_EVERY);
            continue;
        };
        drop(state);
        match watched.running.poll() {
            Some(outcome) => {
                let _ = settle(process, outcome, watched.settings, watched.tokens);
            }
            None => {
                process.lock().watched = Some(watched);
                sys::nap(LOOK_EVERY);
            }
        }
    }
}

fn run(process: &'static Process, own: &Own) {
    let id = sys::thread_id();
    own.id.store(id, Ordering::Release);
    if let Some(installation) = install::current() {
        installation.target.enter_agent();
    }
    if let Some(second) = install::current().and_then(|now| now.second) {
        sys::signal_mask(libc::SIG_UNBLOCK, &sys::signal_set([second.signal()]));
    }
    show(&mut process.lock(), |page| {
        page.agent = Some(id.unsigned_abs());
    });
    loop {
        let rings = DOORBELL.rings();
        if own.stop.load(Ordering::Acquire) {
            break;
        }
        match step(process) {
            Step::Again => {}
            Step::Sleep(limit) => DOORBELL.wait(rings, limit),
        }
    }
    show(&mut process.lock(), |page| {
        page.agent = page.agent.filter(|&agent| agent != id.unsigned_abs());
    });
    // The next agent found this one at work and sleeps.
    DOORBELL.wake();
}

enum Step {
    Again,
    Sleep(Option<Duration>),
}

fn step(process: &'static Process) -> Step {
    let mut state = process.lock();
    let unsaid = std::mem::take(&mut state.unsaid);
    if !unsaid.is_empty() {
        drop(state);
        unsaid.iter().for_each(|line| log::line(line));
        return Step::Again;
    }
    if let Some(watched) = state.watched.take() {
        drop(state);
        return watch(process, watched);
    }
    // A direct call that is at work wakes the agent when it is through.
    if state.busy {
        return Step::Sleep(None);
    }
    let requests = DOORBELL.take();
    let Some(installation) = install::current() else {
        return Step::Sleep(None);
    };
    let trigger = match state.wanted_dump {
        _ if requests.count() > 0 => trigger_of(&requests, installation),
        Some(trigger) => {
            state.wanted_dump = None;
            trigger
        }
        None => match unattended::look(&mut state) {
            Look::Due(trigger) => trigger,
            Look::Nothing(until) => return Step::Sleep(until),
        },
    };
    state.busy = true;
    let order = order(&mut state, installation, trigger);
    let sequence = order.sequence;
    drop(state);
    log::line(&Event::Begin {
        sequence,
        trigger: order.trigger,
    });
    if let Err(error) = begin(process, installation, &order, requests) {
        tell(&Err(error), 0);
    }
    Step::Again
}

fn order(
    state: &mut State,
    installation: &'static Installation,
    trigger: Trigger,
) -> Order<'static> {
    if let Some(page) = &mut state.page {
        page.find_again();
    }
    show(state, |page| page.state = TargetState::Dumping);
    Order {
        target: installation.target.as_ref(),
        settings: &installation.settings,
        destination: Destination::Series,
        trigger,
        sequence: state.book.next_sequence(),
        obsolete: state.book.obsolete(&installation.settings),
        previous: state.book.census.clone(),
    }
}

/// Takes a snapshot on a thread of the application that has the runtime's lock and, in the state, the turn. What is to be said
/// about it is left to the agent, as is the snapshot process.
pub(crate) fn take_unasked(
    process: &'static Process,
    installation: &'static Installation,
    trigger: Trigger,
) {
    let order = order(&mut process.lock(), installation, trigger);
    if let Err(error) = begin(process, installation, &order, Requests::default()) {
        let line = Event::Failed { error: &error }.to_string();
        process.lock().unsaid.push(line);
    }
}

fn trigger_of(requests: &Requests, installation: &Installation) -> Trigger {
    match installation.second {
        Some(second) if requests.signals == 0 => Trigger::Send(second.signal()),
        _ => Trigger::Signal(installation.first.signal()),
    }
}

fn begin(
    process: &'static Process,
    installation: &'static Installation,
    order: &Order<'_>,
    mut requests: Requests,
) -> Result<(), DumpError> {
    // Whatever was asked for before the clone is answered by this snapshot; what comes later is not.
    let taken = snapshot::take(order, &mut || {
        requests = std::mem::take(&mut requests).and(DOORBELL.take());
    });
    match taken {
        Ok(running) => {
            process.lock().watched = Some(Watched {
                running,
                settings: &installation.settings,
                sequence: order.sequence,
                tokens: requests.tokens,
                ignored: 0,
                trigger: order.trigger,
            });
            Ok(())
        }
        Err(trouble) => {
            let settings = &installation.settings;
            settle(process, Err(trouble), settings, requests.tokens).map(|_| ())
        }
    }
}

/// Looks after the snapshot process.
fn watch(process: &'static Process, mut watched: Watched) -> Step {
    ignore(process, &mut watched, DOORBELL.take());
    match watched.running.poll() {
        None => {
            process.lock().watched = Some(watched);
            Step::Sleep(Some(LOOK_EVERY))
        }
        Some(outcome) => {
            let result = settle(process, outcome, watched.settings, watched.tokens);
            tell(&result, watched.ignored);
            Step::Again
        }
    }
}

fn ignore(process: &'static Process, watched: &mut Watched, requests: Requests) {
    let count = requests.count();
    if count == 0 {
        return;
    }
    {
        let mut state = process.lock();
        state.book.ignored += count;
        let ignored = state.book.ignored;
        if let Some(page) = &mut state.page {
            if !requests.tokens.is_empty() {
                page.answer(Answer {
                    tokens: requests.tokens,
                    outcome: RequestOutcome::Ignored,
                });
            }
            page.update(|page| page.ignored = ignored);
        }
    }
    // One line, however many requests.
    if watched.ignored == 0 {
        log::line(&Event::Busy {
            sequence: watched.sequence,
        });
    }
    watched.ignored += count;
}

/// Takes down how the dump ended, and passes the turn on.
fn settle(
    process: &'static Process,
    outcome: Result<Finished, Trouble>,
    settings: &crate::Settings,
    tokens: Vec<u32>,
) -> Result<Report, DumpError> {
    let mut state = process.lock();
    let result = state.book.settle(outcome, settings, &Destination::Series);
    if let Some(page) = &mut state.page {
        page.answer(Answer {
            tokens,
            outcome: outcome_of(&result),
        });
        page.update(|page| {
            page.state = TargetState::Idle;
            if let Ok(report) = &result {
                page.sequence = Some(report.sequence);
            }
        });
    }
    process.pass_turn(&mut state);
    result
}

/// Writes the line about the end of a dump.
fn tell(result: &Result<Report, DumpError>, ignored: u64) {
    match result {
        Ok(report) => log::line(&Event::End { report, ignored }),
        Err(error) => log::line(&Event::Failed { error }),
    }
}

fn outcome_of(result: &Result<Report, DumpError>) -> RequestOutcome {
    match result {
        Ok(report) => RequestOutcome::Published {
            sequence: report.sequence,
            path: Some(report.path.clone()),
        },
        Err(error) => RequestOutcome::Failed(error.to_string()),
    }
}

fn show(state: &mut State, change: impl FnOnce(&mut memdump_format::status_page::StatusPage)) {
    if let Some(page) = &mut state.page {
        page.update(change);
    }
}
