//! A dump that was loaded earlier, as far as it is needed to know its objects again.

use std::collections::HashMap;

use memdump_format::Address;
use rusqlite::Connection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis::identity::{Births, Process};
use crate::snapshot::{AddressIndex, TypeName};
use crate::sql::error::SqlError;
use crate::sql::sources::{LoadedDump, LoadedObjects};

/// The last dump in the file that was taken of a process before the one which is to be loaded.
pub(super) fn previous(
    connection: &Connection,
    process: &Process,
) -> Result<Option<LoadedDump>, SqlError> {
    let mut statement = connection.prepare(
        "SELECT id, process, host, pid, time, uptime_ms, sequence FROM dump ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    type Time = (Option<OffsetDateTime>, Option<u64>, u32);
    let mut best: Option<(Time, u32, Process)> = None;
    while let Some(row) = rows.next()? {
        let (number, series): (u32, u32) = (row.get(0)?, row.get(1)?);
        let dumped = row
            .get::<_, Option<String>>(4)?
            .and_then(|time| OffsetDateTime::parse(&time, &Rfc3339).ok());
        let uptime = row
            .get::<_, Option<i64>>(5)?
            .map(time::Duration::milliseconds);
        let loaded = Process {
            host: row.get(2)?,
            // A number that is no process id is none, as where a dump is read.
            pid: row
                .get::<_, Option<i64>>(3)?
                .and_then(|pid| u32::try_from(pid).ok()),
            started: dumped.zip(uptime).and_then(|(at, up)| at.checked_sub(up)),
            dumped,
            sequence: row
                .get::<_, Option<i64>>(6)?
                .and_then(|n| u64::try_from(n).ok()),
            births: None,
        };
        let time = (loaded.dumped, loaded.sequence, number);
        let is_before = (loaded.dumped, loaded.sequence) <= (process.dumped, process.sequence);
        if is_before
            && loaded.difference(process).is_none()
            && best.as_ref().is_none_or(|(best, ..)| time > *best)
        {
            best = Some((time, series, loaded));
        }
    }
    best.map(|((_, _, number), series, process)| {
        let process = Process {
            births: births(connection, number)?,
            ..process
        };
        Ok(LoadedDump {
            number,
            series,
            objects: objects(connection, number, process)?,
        })
    })
    .transpose()
}

/// What the dump said of births.
fn births(connection: &Connection, number: u32) -> Result<Option<Births>, SqlError> {
    let mut statement = connection.prepare("SELECT name, value FROM metadata WHERE dump = ?1")?;
    let pairs = statement.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let metadata: HashMap<String, String> = pairs.collect::<Result<_, _>>()?;
    Ok(Births::of(|key| metadata.get(key).map(String::as_str)))
}

fn objects(
    connection: &Connection,
    number: u32,
    process: Process,
) -> Result<LoadedObjects, SqlError> {
    let mut names = Vec::new();
    let mut statement =
        connection.prepare("SELECT id, module, name FROM type WHERE dump = ?1 ORDER BY id")?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        let (id, module, name): (u32, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // Numbers have no gaps.
        if id as usize == names.len() {
            names.push(type_name(&module, &name));
        }
    }
    let (mut addresses, mut types, mut births) = (Vec::new(), Vec::new(), Vec::new());
    let mut statement =
        connection.prepare("SELECT address, type, born FROM object WHERE dump = ?1 ORDER BY id")?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        addresses.push(Address(row.get::<_, i64>(0)? as u64));
        types.push(row.get(1)?);
        births.push(row.get::<_, Option<u32>>(2)?.unwrap_or(number));
    }
    Ok(LoadedObjects {
        process,
        index: AddressIndex::new(&addresses),
        births,
        types,
        names,
    })
}

/// From a name as people write it, builtins without their module.
fn type_name(module: &str, name: &str) -> TypeName {
    let qualified = name
        .strip_prefix(module)
        .and_then(|rest| rest.strip_prefix('.'))
        .filter(|_| module != "builtins" && !module.is_empty());
    TypeName::new(module, qualified.unwrap_or(name))
}
