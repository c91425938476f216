//! How an analysis tells how far it is, without knowing whether anybody looks.

/// Takes news of work under way. Stages follow one another; `advance` may come from any thread.
pub trait Progress: Sync {
    /// A stage begins: what is being done, and of how many steps (0 where that is unknown).
    fn stage(&self, what: &'static str, steps: u64);
    /// What follows takes about so many bytes of memory, the dump's own file aside.
    fn memory(&self, _bytes: u64) {}
    /// Steps of the current stage are done.
    fn advance(&self, steps: u64);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _what: &'static str, _steps: u64) {}
    fn advance(&self, _steps: u64) {}
}
