use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;

/// What a shell needs to complete commands and options
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump completions bash > ~/.local/share/bash-completion/completions/memdump
  memdump completions zsh > ~/.zfunc/_memdump
  memdump completions fish > ~/.config/fish/completions/memdump.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<()> {
        // In memory first: the generator takes a closed pipe for a fault.
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut Arguments::command(),
            "memdump",
            &mut script,
        );
        Ok(std::io::Write::write_all(&mut std::io::stdout(), &script)?)
    }
}
