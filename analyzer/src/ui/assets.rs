//! The page: files of `analyzer/web`, as they are.

use axum::Router;
use axum::http::header;
use axum::routing::{MethodRouter, get};

use crate::web::{EXPLORER, EXPLORER_HTML, SCRIPTS, STYLES, WebFile};

/// A route for each file; for those that lie in a folder, too.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = Router::new().route("/", serve(&EXPLORER_HTML));
    let files = SCRIPTS.iter().chain(&STYLES).chain(&EXPLORER);
    files.fold(page, |router, file| {
        router.route(&format!("/{}", file.name), serve(file))
    })
}

fn serve<S: Clone + Send + Sync + 'static>(file: &WebFile) -> MethodRouter<S> {
    let WebFile { name, text } = *file;
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}
