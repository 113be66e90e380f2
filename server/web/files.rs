//! Style, script and icon, out of the binary, under addresses that change with their content.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::fault;

struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    hash: String,
}

static FILES: LazyLock<[File; 3]> = LazyLock::new(|| {
    [
        file("app.css", "text/css; charset=utf-8", include_bytes!("../../static/app.css")),
        file("app.js", "text/javascript; charset=utf-8", include_bytes!("../../static/app.js")),
        file("icon.svg", "image/svg+xml", include_bytes!("../../static/icon.svg")),
    ]
});

fn file(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> File {
    let digest = Sha256::digest(bytes);
    let hash = digest.iter().take(6).fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    File { name, kind, bytes, hash }
}

/// The address of a file of ours, for templates.
pub fn url(name: &str) -> String {
    let hash = FILES.iter().find(|file| file.name == name).map_or("", |file| &file.hash);
    format!("/static/{hash}/{name}")
}

/// `GET /static/{hash}/{name}`: may be kept for ever, since another content has another address.
pub async fn show(Path((hash, name)): Path<(String, String)>) -> Response {
    match FILES.iter().find(|file| file.name == name && file.hash == hash) {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, file.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, file.bytes).into_response()
        }
        None => fault::no_such_page().await,
    }
}
