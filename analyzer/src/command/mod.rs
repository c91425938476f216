//! The command line. Each command opens its sources, runs one analysis and gives the result to a view.

mod attach;
mod chain;
mod completions;
mod diff;
mod export;
mod forbidden;
mod info;
mod json_schema;
mod leaks;
mod limit;
mod load;
mod man;
mod memory;
mod native;
mod new;
mod output;
mod picture;
mod progress;
mod report;
mod send;
mod session;
mod show;
mod sources;
mod sql;
mod survivors;
mod suspects;
mod top;
mod ui;
mod verify;
mod watch;

use clap::{Parser, Subcommand};

pub use forbidden::Forbidden;
pub use session::Damaged;
pub use sources::CannotStart;
pub(crate) use sql::explained;
pub use sql::{NoSuchName, WrongStatement};

use session::Session;

/// Heap dumps for live processes: what grew, what is new, what keeps it alive.
#[derive(Parser, Debug)]
#[command(
    name = "memdump",
    version,
    after_help = crate::exit_code::HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes; told behind what is a command's own.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Options of every command")]
struct Common {
    /// Give the result as JSON: complete, with a version in `schema`, addresses as strings
    #[arg(long, global = true, display_order = 101)]
    json: bool,
    /// Read what is sound of a damaged dump, and say what is missing
    #[arg(long, global = true, display_order = 102)]
    recover: bool,
    /// Tell on stderr what is being done, and how much memory it takes
    #[arg(short, long, global = true, display_order = 103)]
    verbose: bool,
    /// Use so many threads [default: one per processor]
    #[arg(long, global = true, display_order = 104, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    native_types: native::NativeTypes,
}

#[derive(Subcommand, Debug)]
enum Command {
    Diff(diff::Diff),
    New(new::New),
    Survivors(survivors::Survivors),
    Chain(chain::Chain),
    Top(top::Top),
    Show(show::Show),
    Leaks(leaks::Leaks),
    Suspects(suspects::Suspects),
    Report(report::Report),
    Ui(ui::Ui),
    Sql(sql::Sql),
    Load(load::Load),
    Watch(watch::Watch),
    Export(export::Export),
    Info(info::Info),
    Verify(verify::Verify),
    Send(send::Send),
    Attach(attach::Attach),
    JsonSchema(json_schema::JsonSchema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the command that was asked for.
///
/// # Errors
/// Whatever went wrong; [`crate::exit_code::of`] says how it is told.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { common, command } = arguments;
    if let Some(threads) = common.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()?;
    }
    let session = Session::new(
        common.json,
        common.recover,
        common.verbose,
        common.native_types,
    );
    match command {
        Command::Diff(command) => command.run(&session),
        Command::New(command) => command.run(&session),
        Command::Survivors(command) => command.run(&session),
        Command::Chain(command) => command.run(&session),
        Command::Top(command) => command.run(&session),
        Command::Show(command) => command.run(&session),
        Command::Leaks(command) => command.run(&session),
        Command::Suspects(command) => command.run(&session),
        Command::Report(command) => command.run(&session),
        Command::Ui(command) => command.run(&session),
        Command::Sql(command) => command.run(&session),
        Command::Load(command) => command.run(&session),
        Command::Watch(command) => command.run(&session),
        Command::Export(command) => command.run(&session),
        Command::Info(command) => command.run(&session),
        Command::Verify(command) => command.run(&session),
        Command::Send(command) => command.run(&session),
        Command::Attach(command) => command.run(&session),
        Command::JsonSchema(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}
