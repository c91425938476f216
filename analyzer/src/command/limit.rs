//! How much of a list is shown.

/// How much of a list is shown.
#[derive(clap::Args, Debug)]
pub(super) struct Limit {
    /// Show at most so many entries; 0 for all [default: all as JSON, else 20]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Limit {
    const DEFAULT: usize = 20;

    /// The number of entries; `None` for all.
    pub(super) fn entries(&self, json: bool) -> Option<usize> {
        match self.limit {
            Some(0) => None,
            None if json => None,
            given => Some(given.unwrap_or(Self::DEFAULT)),
        }
    }
}
