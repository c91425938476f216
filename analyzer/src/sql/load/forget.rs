//! Takes dumps out of a loaded file again.

use std::num::NonZeroU32;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::sql::catalogue::TABLES;
use crate::sql::database::Database;
use crate::sql::error::SqlError;

/// Takes all but the last `keep` dumps out of a file. The space is used for the dumps to come: the file does not shrink, and grows no
/// more. The user's own tables stay as they are.
///
/// # Errors
/// If the file is none that dumps were loaded into, or cannot be written. It is then as it was before.
pub fn forget_all_but(keep: NonZeroU32, file: &Path) -> Result<(), SqlError> {
    let mut database = Database::loaded(file, true)?;
    let transaction = database
        .connection_mut()
        .transaction_with_behavior(TransactionBehavior::Immediate)?;
    let forgotten = all_but(keep, &transaction)?;
    if forgotten.is_empty() {
        return Ok(());
    }
    for table in TABLES {
        // The first column of every table's key is the dump.
        let (table, dump) = (table.name, table.columns[0].name);
        let mut delete = transaction.prepare(&format!("DELETE FROM {table} WHERE {dump} = ?1"))?;
        for number in &forgotten {
            delete.execute([number])?;
        }
    }
    transaction.execute_batch(TOLD_ANEW)?;
    Ok(transaction.commit()?)
}

/// What told of dumps that are gone tells of those that are left. Else the views would take a forgotten dump for an empty one, and
/// everything in the next for growth.
const TOLD_ANEW: &str = "
    UPDATE dump SET previous = NULL WHERE previous NOT IN (SELECT id FROM dump);
    UPDATE dump SET process = series.first
        FROM (SELECT process, min(id) AS first FROM dump GROUP BY process) AS series
        WHERE dump.process = series.process AND series.process NOT IN (SELECT id FROM dump);
";

fn all_but(keep: NonZeroU32, connection: &Connection) -> rusqlite::Result<Vec<u32>> {
    let mut statement = connection.prepare(
        "SELECT id FROM dump ORDER BY time DESC, sequence DESC, id DESC LIMIT -1 OFFSET ?1",
    )?;
    let numbers = statement.query_map([keep.get()], |row| row.get(0))?;
    numbers.collect()
}
