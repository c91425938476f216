//! Commands on standard input, answers on standard output, by descriptors that survive becoming a daemon.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;

/// Descriptors from here on are this module's after [`Control::move_up`].
pub(crate) const LOWEST: i32 = 200;

pub(crate) struct Control {
    commands: BufReader<File>,
    answers: File,
}

impl Control {
    pub(crate) fn new() -> Self {
        // SAFETY: nothing else in this program uses them.
        unsafe {
            Self {
                commands: BufReader::new(File::from_raw_fd(0)),
                answers: File::from_raw_fd(1),
            }
        }
    }

    pub(crate) fn command(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.commands.read_line(&mut line).unwrap();
        (length > 0).then_some(line)
    }

    pub(crate) fn answer(&mut self, answer: &str) {
        self.answers
            .write_all(format!("{answer}\n").as_bytes())
            .unwrap();
    }

    /// Frees the low descriptors.
    pub(crate) fn move_up(&mut self) {
        // SAFETY: duplicates descriptors of this process.
        unsafe {
            assert_eq!(libc::dup2(0, LOWEST), LOWEST);
            assert_eq!(libc::dup2(1, LOWEST + 1), LOWEST + 1);
            self.commands = BufReader::new(File::from_raw_fd(LOWEST));
            self.answers = File::from_raw_fd(LOWEST + 1);
        }
    }
}
