//! One Parquet file: a table of a dump. It has its name only when it is whole, and never replaces another.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::writer::SerializedFileWriter;
use tempfile::{NamedTempFile, TempPath};

use super::row_group::RowGroup;
use super::schema::{properties, schema};
use super::{Columns, ExportError};
use crate::sql::relation::Cell;

/// A file that is being written.
pub(super) struct TableFile {
    columns: Columns,
    path: PathBuf,
    // Removed when this is dropped before the end.
    temporary: TempPath,
    writer: SerializedFileWriter<fs::File>,
    rows: RowGroup,
}

impl TableFile {
    pub(super) fn create(columns: Columns, path: &Path) -> Result<TableFile, ExportError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let io = |error| ExportError::Io(path.to_owned(), error);
        fs::create_dir_all(directory).map_err(io)?;
        // Hidden and of another ending, so that no query over the directory takes it up.
        let temporary = tempfile::Builder::new()
            .prefix(".memdump-")
            .suffix(".partial")
            .tempfile_in(directory);
        let (file, temporary) = NamedTempFile::into_parts(temporary.map_err(io)?);
        let writer = SerializedFileWriter::new(file, schema(&columns)?, properties(&columns)?)?;
        Ok(TableFile {
            rows: RowGroup::new(&columns),
            columns,
            path: path.to_owned(),
            temporary,
            writer,
        })
    }

    /// Writes one row: a value for each of the columns.
    pub(super) fn row<'a>(
        &mut self,
        mut value: impl FnMut(usize) -> Result<Cell<'a>, ExportError>,
    ) -> Result<(), ExportError> {
        for (at, column) in self.columns.iter().enumerate() {
            self.rows.push(at, column, value(at)?)?;
        }
        self.rows.end_row();
        if self.rows.is_full() {
            self.rows.flush(&mut self.writer)?;
        }
        Ok(())
    }

    /// Ends the file and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        self.rows.flush(&mut self.writer)?;
        let io = |error| ExportError::Io(self.path.clone(), error);
        // On the disk before it has its name: what is there is taken for whole.
        self.writer.into_inner()?.sync_all().map_err(io)?;
        self.temporary
            .persist_noclobber(&self.path)
            .map_err(|error| ExportError::Io(self.path.clone(), error.error))
    }
}
