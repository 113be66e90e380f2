//! Holds the plan of the house: who may import whom, how long a file may be, how it opens.
#![expect(clippy::expect_used, reason = "a test stops where it cannot read the house")]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, lowest first. A module imports only from lower layers, never from a sibling.
/// In the top layer, where the program is put together, anybody may import anybody.
const LAYERS: &[&[&str]] = &[
    &["model", "error", "config", "telemetry"],
    &["rules", "analysis", "score", "queue", "outgoing"],
    &["store", "collect", "mail", "notify"],
    &["auth", "pipeline"],
    &["jobs", "desk"],
    &["web", "api"],
    &["demo", "bench", "app", "cli", "main"],
];

const HARD_LIMIT: usize = 400;

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn server() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("server")
}

/// Every source file below `folder` with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    found
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(server()).expect("a file of the server");
    let first = inside.components().next().expect("at least a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The modules of ours that a line of code names.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or("");
    ["crate::", "parallax::"]
        .iter()
        .flat_map(|prefix| code.split(prefix).skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn imports_go_down_and_never_sideways() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&server()) {
        let module = module_of(&path);
        if module == "lib" {
            continue;
        }
        let own = layer_of(&module).unwrap_or_else(|| panic!("{module} has no layer: {}", path.display()));
        for (number, line) in text.lines().enumerate() {
            for other in named(line) {
                let sideways = layer_of(&other).is_some_and(|layer| layer >= own);
                if sideways && other != module && own + 1 != LAYERS.len() {
                    wrong.push(format!("{}:{}: {module} may not import {other}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn only_store_speaks_sql() {
    let signs = ["sqlx::query", "query!(", "query_as!(", "query_scalar!("];
    let wrong: Vec<_> = sources(&server())
        .into_iter()
        .filter(|(path, _)| !matches!(module_of(path).as_str(), "store" | "queue"))
        .filter(|(_, text)| signs.iter().any(|sign| text.contains(sign)))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "SQL outside store:\n{}", wrong.join("\n"));
}

#[test]
fn a_file_opens_with_what_it_is_for() {
    let silent: Vec<_> = sources(&server())
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no opening //! lines:\n{}", silent.join("\n"));
}

#[test]
fn no_file_holds_two_names() {
    let mut lengths: Vec<_> = sources(&server())
        .into_iter()
        .map(|(path, text)| {
            let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or(&text);
            (product.lines().count(), path)
        })
        .collect();
    lengths.sort();
    for (lines, path) in lengths.iter().rev().take(10) {
        println!("{lines:5} {}", path.display());
    }
    let (most, path) = lengths.last().expect("there are sources");
    assert!(*most <= HARD_LIMIT, "{} has {most} lines: find its second name", path.display());
}
