//! What is being done, for the page to show.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::progress::Progress;

/// What is being done, for the page to show. How much memory it takes is told to who started the explorer.
pub struct Stages {
    terminal: Arc<dyn Progress + Send>,
    stage: Mutex<Stage>,
    done: AtomicU64,
    opening: Mutex<Opening>,
}

#[derive(Clone, Copy, Default)]
struct Stage {
    what: &'static str,
    steps: u64,
}

/// How far the dumps are opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "opening", rename_all = "snake_case")]
pub(super) enum Opening {
    /// Views that need more than is known so far wait.
    Underway,
    /// Every view answers at once.
    Done,
    /// Some views will say this.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// As the page is told.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Told {
    #[serde(flatten)]
    opening: Opening,
    stage: &'static str,
    /// From 0 to 1; none where it is unknown.
    share: Option<f64>,
}

impl Stages {
    /// Memory is told to `terminal`.
    pub fn new(terminal: Arc<dyn Progress + Send>) -> Stages {
        Stages {
            terminal,
            stage: Mutex::default(),
            done: AtomicU64::new(0),
            opening: Mutex::new(Opening::Underway),
        }
    }

    pub(super) fn opened(&self, how: Opening) {
        *self.opening.lock().unwrap_or_else(PoisonError::into_inner) = how;
    }

    pub(super) fn told(&self) -> Told {
        let stage = *self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let share = self.done.load(Relaxed) as f64 / stage.steps as f64;
        Told {
            opening: opening.clone(),
            stage: stage.what,
            share: (stage.steps > 0).then_some(share.min(1.0)),
        }
    }
}

impl Progress for Stages {
    fn stage(&self, what: &'static str, steps: u64) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = Stage { what, steps };
        self.done.store(0, Relaxed);
    }

    fn memory(&self, bytes: u64) {
        self.terminal.memory(bytes);
    }

    fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn tells_the_stage_and_how_far_it_is() {
        let stages = Stages::new(Arc::new(Silent));
        stages.stage("reading objects", 8);
        stages.advance(2);
        let told = |stages: &Stages| serde_json::to_value(stages.told()).expect("JSON");
        assert_eq!(
            told(&stages),
            serde_json::json!({"opening": "underway", "stage": "reading objects", "share": 0.25})
        );
        stages.stage("judging", 0);
        stages.opened(Opening::Done);
        assert_eq!(
            told(&stages),
            serde_json::json!({"opening": "done", "stage": "judging", "share": null})
        );
    }
}
