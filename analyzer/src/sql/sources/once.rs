//! What is found out once, when it is first asked for, and kept.

use std::sync::{Mutex, OnceLock, PoisonError};

/// A value that is made when it is first asked for. Whoever asks meanwhile waits: it is made by one thread only, as it may take seconds and
/// gigabytes. (The standard library's cell does so only for what cannot fail.)
pub(crate) struct Once<T> {
    known: OnceLock<T>,
    making: Mutex<()>,
}

impl<T> Once<T> {
    pub(crate) const fn new() -> Once<T> {
        Once {
            known: OnceLock::new(),
            making: Mutex::new(()),
        }
    }

    /// The value, if it has been made.
    pub(crate) fn get(&self) -> Option<&T> {
        self.known.get()
    }

    /// Gives what is there, or makes it. After a failure the next who asks tries again.
    pub(crate) fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        // What a panic left behind is as unmade as before.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        match self.known.get() {
            Some(known) => Ok(known),
            None => {
                let made = make()?;
                Ok(self.known.get_or_init(|| made))
            }
        }
    }

    /// Forgets it.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.known.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    #[test]
    fn threads_that_ask_at_the_same_time_have_it_made_once() {
        let (once, made) = (Once::new(), AtomicU32::new(0));
        let make = || {
            made.fetch_add(1, Relaxed);
            // Others come meanwhile.
            std::thread::yield_now();
            Ok::<_, ()>(7)
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(once.get_or_make(make), Ok(&7)));
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let mut once = Once::new();
        assert_eq!(once.get_or_make(|| Err("no")), Err("no"));
        assert_eq!(once.get_or_make(|| Ok::<_, &str>(1)), Ok(&1));
        assert_eq!(once.get_or_make(|| Ok::<_, &str>(2)), Ok(&1));
        assert_eq!(once.take(), Some(1));
        assert_eq!(once.get(), None);
    }
}
