//! What a request is answered with.

use std::path::Path;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::exit_code;
use crate::view;

/// A JSON document, or a picture.
pub(super) struct Answer {
    kind: &'static str,
    text: Vec<u8>,
}

impl Answer {
    /// The document that a command gives with `--json`, perhaps with more in it.
    pub(super) fn document<T: Serialize>(
        name: &str,
        dumps: &[&Path],
        result: &T,
    ) -> Result<Answer, Refusal> {
        let mut text = Vec::new();
        view::json::write_as(&mut text, name, dumps, result)?;
        Ok(Answer {
            kind: "application/json",
            text,
        })
    }

    /// The text of an SVG file.
    pub(super) fn picture(svg: String) -> Answer {
        Answer {
            kind: "image/svg+xml",
            text: svg.into_bytes(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}

/// Why a request has no answer: a status, and what the command would say.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Refusal {
        Refusal {
            status,
            error: error.into(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        let error = error.into();
        let status = match exit_code::of(&error) {
            exit_code::USAGE => StatusCode::BAD_REQUEST,
            exit_code::NOT_FOUND => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal::new(status, format!("{error:#}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = serde_json::json!({ "error": self.error });
        (self.status, Json(text)).into_response()
    }
}
