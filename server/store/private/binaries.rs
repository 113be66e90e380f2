//! Finds the system's Postgres programs: the newest that can read the data there are.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::PrivateError;
use super::folder::Folders;

/// The oldest major version our SQL runs on.
const OLDEST: u32 = 15;

/// Folders of packages, each holding one folder a version.
const PACKAGES: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/lib64/pgsql", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
];

/// One installation.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Binaries {
    /// The newest installation that fits the data in `folders`.
    pub(super) async fn find(folders: &Folders) -> Result<Self, PrivateError> {
        let candidates = candidates();
        let mut found: Vec<(u32, PathBuf)> = Vec::new();
        for folder in &candidates {
            if let Some(major) = major_of(&folder.join("postgres")).await
                && major >= OLDEST
            {
                found.push((major, folder.clone()));
            }
        }
        found.sort();
        let made_by = folders.made_by();
        let fits = |major: u32| made_by.as_deref().is_none_or(|version| version == major.to_string());
        match (found.iter().rev().find(|(major, _)| fits(*major)), made_by.as_ref()) {
            (Some((_, folder)), _) => {
                Ok(Self { initdb: folder.join("initdb"), postgres: folder.join("postgres") })
            }
            (None, Some(made_by)) if !found.is_empty() => Err(PrivateError::Version {
                folder: folders.data.clone(),
                made_by: made_by.clone(),
                found: found.iter().map(|(major, _)| major.to_string()).collect::<Vec<_>>().join(", "),
            }),
            (None, _) => Err(PrivateError::NoBinaries { searched: "PATH, /usr/lib/postgresql".into() }),
        }
    }
}

/// Folders that hold both programs.
fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for (root, inner) in PACKAGES {
        let Ok(entries) = std::fs::read_dir(root) else { continue };
        let versions = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            root.contains("postgresql") || name.starts_with("pgsql-") || name.starts_with("postgresql@")
        });
        folders.extend(versions.map(|entry| entry.path().join(inner)));
    }
    folders.retain(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    folders.dedup();
    folders
}

/// The major version a server program names.
async fn major_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().await.ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split(')').nth(1)?.split_whitespace().next()?;
    number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn a_version_line_tells_its_major_and_nonsense_none() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(parse_major("bash: postgres: not found"), None);
    }
}
