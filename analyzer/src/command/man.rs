use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::CommandFactory;

use super::Arguments;

/// Writes the manual pages: memdump(1), and one for each command
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump man ~/.local/share/man/man1 && man memdump-diff")]
pub(super) struct Man {
    /// Into this directory; pages that are there are replaced
    directory: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        let write = || {
            std::fs::create_dir_all(&self.directory)?;
            [&command]
                .into_iter()
                .chain(command.get_subcommands())
                .try_for_each(|command| write_page(command, &self.directory))
        };
        write().with_context(|| format!("{}: pages cannot be written", self.directory.display()))
    }
}

fn write_page(command: &clap::Command, directory: &Path) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    // What stands behind a command's help has sections of its own in manuals.
    let text = String::from_utf8_lossy(&text)
        .replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n")
        .replace(".SH EXTRA\nExit codes:\n", ".SH \"EXIT STATUS\"\n");
    std::fs::write(directory.join(page.get_filename()), text)
}
