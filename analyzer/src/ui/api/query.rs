//! SQL over the dumps. A statement may read and nothing else, and ends in time.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection};
use serde::{Deserialize, Serialize};

use super::super::answer::{Answer, Refusal};
use super::super::explorer::Explorer;
use super::blocking;
use super::info::Nothing;
use crate::command::explained;
use crate::sql::Database;
use crate::view::rows::{Heading, Value};
use crate::view::schema::Schema;

/// No statement may take longer.
const TIME: Duration = Duration::from_secs(60);
/// No result is longer, in rows and in bytes.
const ROWS: usize = 1000;
const BYTES: usize = 16 << 20;
/// No text that a statement makes is longer, in bytes.
const TEXT: i32 = 16 << 20;
/// So many steps of SQLite lie between two looks at the clock: some milliseconds.
const STEPS: i32 = 20_000;

pub(super) fn schema(_: &Explorer, _: Nothing) -> Result<Answer, Refusal> {
    Answer::document("schema", &[], &Schema::new())
}

#[derive(Deserialize)]
pub(super) struct Query {
    sql: String,
}

/// What a statement gave.
#[derive(Debug, Default, Serialize)]
struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<serde_json::Value>>,
    /// Whether there are more.
    cut: bool,
    milliseconds: u64,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    /// Whether its texts are addresses of objects.
    is_address: bool,
}

/// Who has gone does not want the answer any more: the browser hangs up when its user leaves the view.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

pub(super) async fn sql(
    State(explorer): State<Arc<Explorer>>,
    query: Result<Json<Query>, JsonRejection>,
) -> Result<Answer, Refusal> {
    let Json(query) = query.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    let is_gone = Arc::new(AtomicBool::new(false));
    let _gone = Gone(is_gone.clone());
    blocking(move || answer(&explorer, &query.sql, &is_gone)).await
}

fn answer(explorer: &Explorer, script: &str, is_gone: &Arc<AtomicBool>) -> Result<Answer, Refusal> {
    /// One at a time: each may need a lot of memory, and what fails in a dump is kept in one place.
    static ASKING: Mutex<()> = Mutex::new(());
    let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_gone.load(Relaxed) {
        return Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "nobody waits for the answer",
        ));
    }
    let begun = Instant::now();
    let mut database = Database::over(explorer.sources().clone())?;
    restrict(database.connection_mut(), begun + TIME, is_gone.clone())?;
    let mut rows = run(&database, explorer, script, begun)?;
    rows.milliseconds = begun.elapsed().as_millis() as u64;
    Answer::document("rows", &explorer.paths(), &rows)
}

/// Lets statements read, within the limits.
fn restrict(
    connection: &mut Connection,
    end: Instant,
    is_gone: Arc<AtomicBool>,
) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, TEXT)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.progress_handler(
        STEPS,
        Some(move || is_gone.load(Relaxed) || Instant::now() > end),
    )?;
    connection.authorizer(Some(
        |context: rusqlite::hooks::AuthContext<'_>| match context.action {
            AuthAction::Select
            | AuthAction::Read { .. }
            | AuthAction::Recursive
            | AuthAction::Function { .. } => Authorization::Allow,
            _ => Authorization::Deny,
        },
    ))
}

/// Runs all statements of a script; the rows are those of the last that has any.
fn run(
    database: &Database,
    explorer: &Explorer,
    script: &str,
    begun: Instant,
) -> Result<Rows, Refusal> {
    let told = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::OperationInterrupted) => Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("given up after {} s", begun.elapsed().as_secs()),
        ),
        Some(rusqlite::ErrorCode::AuthorizationForStatementDenied) => only_reads(),
        _ => explained(error, script, database, Some(explorer.sources())).into(),
    };
    let mut last = Rows::default();
    let mut batch = Batch::new(database.connection(), script);
    while let Some(mut statement) = batch.next().map_err(told)? {
        let headings = Heading::of(&statement);
        // Not every statement that writes asks the authorizer first: VACUUM INTO does when it runs.
        if headings.is_empty() || !statement.readonly() {
            return Err(only_reads());
        }
        let mut result = Rows::default();
        let mut bytes = 0;
        let mut rows = statement.query([]).map_err(told)?;
        while let Some(row) = rows.next().map_err(told)? {
            let values = Value::of_row(row, headings.len()).map_err(told)?;
            bytes += values.iter().map(size).sum::<usize>();
            if result.rows.len() == ROWS || bytes > BYTES {
                result.cut = true;
                break;
            }
            let values = values.into_iter().zip(&headings);
            let values = values.map(|(value, heading)| value.into_json(heading));
            result.rows.push(values.collect());
        }
        let column = |heading: Heading| Column {
            name: heading.name,
            is_address: heading.is_address,
        };
        result.columns = headings.into_iter().map(column).collect();
        last = result;
    }
    Ok(last)
}

fn only_reads() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "the explorer only reads: tables can be made with `memdump sql --db`",
    )
}

/// About what it takes as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => 2 * bytes.len(),
    }
}
