//! Tells the program which edition of its code reads sources: a digest of that code, of the data it reads
//! with and of the libraries it is built on.
//!
//! What an earlier edition made of an image is made anew by another (see `store::recall`).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What decides what is made of what a source sends.
const DECIDES: [&str; 5] = ["server/analysis", "server/collect", "server/model", "data", "Cargo.lock"];

fn files(place: PathBuf, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !place.is_dir() {
        // What an editor leaves lying about decides nothing.
        if place.extension().is_some_and(|end| end == "rs" || end == "json" || end == "lock") {
            found.push(place);
        }
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        if !hidden(&path) {
            files(path, found)?;
        }
    }
    Ok(())
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn main() -> io::Result<()> {
    let house = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut all = Vec::new();
    for place in DECIDES {
        println!("cargo:rerun-if-changed={place}");
        files(house.join(place), &mut all)?;
    }
    all.sort();
    let mut digest = DefaultHasher::new();
    for path in all {
        fs::read(path)?.hash(&mut digest);
    }
    println!("cargo:rustc-env=PARALLAX_EDITION={:016x}", digest.finish());
    Ok(())
}
