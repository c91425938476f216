use std::path::PathBuf;

use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::AnalysisError;
use crate::analysis::info::info;
use crate::view;

/// What dumps are: of which process, when, how much, and what could not be read
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump info                         the newest dump here
  memdump info *.dump --json | jq '.infos[] | [.file, .objects]'")]
pub(super) struct Info {
    /// The dumps [default: the newest in the current directory]
    #[arg(value_name = "DUMP")]
    dumps: Vec<PathBuf>,
}

#[derive(schemars::JsonSchema, serde::Serialize)]
pub(super) struct Infos {
    infos: Vec<crate::analysis::info::Info>,
}

impl Info {
    pub(super) fn run(mut self, session: &Session) -> anyhow::Result<()> {
        if self.dumps.is_empty() {
            self.dumps = given_or_newest::<1>(&[])?.to_vec();
        }
        let mut infos = Vec::new();
        for path in &self.dumps {
            let dump = session.open(path)?;
            infos.push(info(&dump, session.progress()).map_err(AnalysisError::from)?);
        }
        let paths: Vec<_> = self.dumps.iter().map(PathBuf::as_path).collect();
        session.give(&paths, &Infos { infos }, |result, width| {
            let texts: Vec<String> = result
                .infos
                .iter()
                .map(|info| view::info::text(info, width))
                .collect();
            texts.join("\n")
        })
    }
}
