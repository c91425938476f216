//! What can be asked: one module for each kind of view, each a function from the question in the address to an answer.

mod chain;
mod growth;
mod info;
mod instances;
mod keeping;
mod object;
mod query;
mod suspects;
mod top;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use memdump_format::Address;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, Refusal};
use super::explorer::Explorer;
use crate::analysis::Page;
use crate::snapshot::TypeName;

/// Everything below `/api`.
pub(super) fn router() -> Router<Arc<Explorer>> {
    Router::new()
        .route("/info", get_view(info::info))
        .route("/progress", get_view(info::progress))
        .route("/diff", get_view(growth::diff))
        .route("/series", get_view(growth::series))
        .route("/top", get_view(top::top))
        .route("/instances", get_view(instances::instances))
        .route("/show", get_view(object::show))
        .route("/neighbours", get_view(object::neighbours))
        .route("/dominated", get_view(object::dominated))
        .route("/chain", get_view(chain::chain))
        .route("/picture", get_view(chain::picture))
        .route("/suspects", get_view(suspects::suspects))
        .route("/map", get_view(keeping::map))
        .route("/threads", get_view(keeping::threads))
        .route("/schema", get_view(query::schema))
        .route("/sql", post(query::sql))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is no such view") })
}

/// A view whose question stands in the address.
fn get_view<Q>(answer: fn(&Explorer, Q) -> Result<Answer, Refusal>) -> MethodRouter<Arc<Explorer>>
where
    Q: DeserializeOwned + Send + 'static,
{
    get(
        move |State(explorer): State<Arc<Explorer>>, question: Result<Query<Q>, QueryRejection>| async move {
            let Query(question) =
                question.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
            blocking(move || answer(&explorer, question)).await
        },
    )
}

/// Runs an analysis beside the server.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        // What the panic said stands on stderr.
        let why = "internal error; the terminal in which the explorer was started tells more";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why))
    })
}

/// A page of a list, with the length of the whole.
#[derive(Serialize)]
struct Paged<T> {
    #[serde(flatten)]
    result: T,
    /// How many entries there are on all pages.
    matching: u64,
}

/// So many entries are on a page, if the request does not say.
const ON_PAGE: usize = 100;
/// And never more than these.
const AT_MOST: usize = 10_000;

fn page(offset: Option<usize>, limit: Option<usize>) -> Page {
    Page {
        offset: offset.unwrap_or(0),
        limit: limit.unwrap_or(ON_PAGE).min(AT_MOST),
    }
}

/// Keeps the rows whose type has a text in its name, whatever its case.
fn filter<T>(rows: &mut Vec<T>, text: Option<&str>, name: impl Fn(&T) -> &TypeName) {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return;
    };
    let text = text.to_lowercase();
    rows.retain(|row| name(row).to_string().to_lowercase().contains(&text));
}

fn address(text: &str) -> Result<Address, Refusal> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(Address).map_err(|_| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("`{text}` is no address; write it as memdump prints it, 0x7f3a1c0042d0, or in decimal"),
        )
    })
}
