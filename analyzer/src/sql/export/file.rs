//! One Parquet file: a table of a dump. It has its name only when it is whole, and never replaces another.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::writer::SerializedFileWriter;
use tempfile::TempPath;

use super::error::{ExportError, WriteError};
use super::row_group::RowGroup;
use super::schema::{FileColumns, properties, schema};
use crate::sql::relation::Cell;
use crate::unfinished::Unfinished;

/// A file that is being written.
pub(super) struct TableFile {
    columns: FileColumns,
    path: PathBuf,
    // Removed when this is dropped before the end.
    temporary: TempPath,
    _unfinished: Unfinished,
    writer: SerializedFileWriter<fs::File>,
    rows: RowGroup,
}

impl TableFile {
    /// Begins a file, in directories that are made if they are not there.
    pub(super) fn create(columns: FileColumns, path: &Path) -> Result<TableFile, ExportError> {
        TableFile::begin(columns, path).map_err(|error| error.of(path))
    }

    fn begin(columns: FileColumns, path: &Path) -> Result<TableFile, WriteError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        // Hidden and of another ending, so that no query over the directory takes it up. Readable for its owner only, as dumps are.
        let temporary = tempfile::Builder::new()
            .prefix(".memdump-")
            .suffix(".partial")
            .tempfile_in(directory)?;
        let unfinished = Unfinished::new(temporary.path());
        let (file, temporary) = temporary.into_parts();
        let writer = SerializedFileWriter::new(file, schema(&columns)?, properties(&columns)?)?;
        Ok(TableFile {
            rows: RowGroup::new(&columns),
            columns,
            path: path.to_owned(),
            _unfinished: unfinished,
            temporary,
            writer,
        })
    }

    pub(super) fn columns(&self) -> &FileColumns {
        &self.columns
    }

    /// Takes the row's value for the column at a place; each must get one.
    pub(super) fn cell(&mut self, place: usize, cell: Cell<'_>) -> Result<(), ExportError> {
        let (_, column) = self.columns.at(place);
        let taken = self.rows.push(place, column, cell);
        taken.map_err(|error| error.of(&self.path))
    }

    pub(super) fn end_row(&mut self) -> Result<(), ExportError> {
        self.rows.end_row();
        if !self.rows.is_full() {
            return Ok(());
        }
        let flushed = self.rows.flush(&mut self.writer);
        flushed.map_err(|error| error.of(&self.path))
    }

    /// Ends the file and gives it its name.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        let path = self.path.clone();
        self.publish().map_err(|error| error.of(&path))
    }

    fn publish(mut self) -> Result<(), WriteError> {
        self.rows.flush(&mut self.writer)?;
        // On the disk before it has its name: what is there is taken for whole.
        self.writer.into_inner()?.sync_all()?;
        let persisted = self.temporary.persist_noclobber(&self.path);
        Ok(persisted.map_err(|error| error.error)?)
    }
}
