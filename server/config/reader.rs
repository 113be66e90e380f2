//! Variables read one by one; what is wrong with them is gathered, not thrown.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Config, ELSEWHERE, Fault, VARIABLES};

/// The environment, and what was found wrong with it so far.
pub(super) struct Reader<'a> {
    pub(super) environment: &'a [(String, String)],
    pub(super) faults: Vec<Fault>,
}

impl Reader<'_> {
    pub(super) fn set(&self, name: &str) -> Option<String> {
        self.environment.iter().find(|(one, _)| one == name).map(|(_, value)| value.trim().to_owned())
    }

    pub(super) fn fault(&mut self, name: &str, problem: String) {
        self.faults.push(Fault { name: name.to_owned(), problem });
    }

    pub(super) fn text(&self, name: &str) -> String {
        let default = VARIABLES.iter().find(|one| one.name == name).map_or("", |one| one.default);
        self.set(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.text(name).split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn parsed(&mut self, name: &str, form: &str) -> SocketAddr {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| {
            self.fault(name, format!("{text:?} is not {form}"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    pub(super) fn number(&mut self, name: &str, least: u32, most: u32) -> u32 {
        let text = self.text(name);
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.fault(name, format!("{text:?} is not a whole number from {least} to {most}"));
                least
            }
        }
    }

    pub(super) fn data_dir(&mut self) -> PathBuf {
        if let Some(folder) = self.set("PARALLAX_DATA_DIR").filter(|value| !value.is_empty()) {
            let folder = PathBuf::from(folder);
            if !folder.is_absolute() {
                self.fault("PARALLAX_DATA_DIR", format!("{:?} is not an absolute path", folder.display()));
            }
            return folder;
        }
        if let Some(home) = self.set("HOME").filter(|home| !home.is_empty()) {
            return PathBuf::from(home).join(".local/share/parallax");
        }
        self.fault("PARALLAX_DATA_DIR", "must be set where there is no HOME".to_owned());
        PathBuf::new()
    }

    pub(super) fn database_url(&mut self) -> Option<String> {
        let url = self.set("PARALLAX_DATABASE_URL").filter(|value| !value.is_empty())?;
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            self.fault("PARALLAX_DATABASE_URL", "is not an address that begins with postgres://".to_owned());
        }
        Some(url)
    }

    pub(super) fn smtp_url(&mut self) -> Option<String> {
        let url = self.set("PARALLAX_SMTP_URL").filter(|value| !value.is_empty())?;
        if !(url.starts_with("smtp://") || url.starts_with("smtps://")) || url::Url::parse(&url).is_err() {
            self.fault(
                "PARALLAX_SMTP_URL",
                "is not an address that begins with smtp:// or smtps://".to_owned(),
            );
        }
        Some(url)
    }

    pub(super) fn aws_principal(&mut self) -> Option<String> {
        let arn = self.set("PARALLAX_AWS_PRINCIPAL").filter(|value| !value.is_empty())?;
        if !arn.starts_with("arn:aws") || arn.split(':').count() < 6 {
            let problem = format!("{arn:?} is not an ARN such as arn:aws:iam::111122223333:role/parallax");
            self.fault("PARALLAX_AWS_PRINCIPAL", problem);
        }
        Some(arn)
    }

    pub(super) fn public_url(&mut self) -> Option<url::Url> {
        let text = self.set("PARALLAX_PUBLIC_URL").filter(|value| !value.is_empty())?;
        let url = url::Url::parse(&text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
        });
        if url.is_none() {
            self.fault(
                "PARALLAX_PUBLIC_URL",
                format!("{text:?} is not an address such as https://posture.example.org"),
            );
        }
        url
    }

    /// Passwords do not travel in the clear, and nobody is let in from afar without one.
    pub(super) fn entrance(&mut self, config: &Config) {
        let (address, port) = (config.listen, config.listen.port());
        if address.ip().is_loopback() {
            return;
        }
        if !config.login {
            self.fault("PARALLAX_LISTEN", format!("{address} is reachable from other machines and PARALLAX_LOGIN is off: use 127.0.0.1:{port}"));
        } else if !config.proxy {
            self.fault("PARALLAX_LISTEN", format!("{address} is reachable from other machines, and passwords would travel in the clear: use 127.0.0.1:{port}, or put a proxy in front that ends TLS and set PARALLAX_PROXY=yes"));
        } else if config.public_url.is_none() {
            self.fault(
                "PARALLAX_PUBLIC_URL",
                "must be set behind a proxy: links and cookies are made for it".to_owned(),
            );
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> T {
        let text = self.text(name);
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.fault(name, format!("{text:?} is not one of {}", known.join(", ")));
        }
        found.map_or(words[0].1, |(_, value)| *value)
    }

    /// A misspelt variable would otherwise be obeyed by nobody and missed by nobody.
    pub(super) fn unknown(&mut self) {
        let strange: Vec<String> = self
            .environment
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| name.starts_with("PARALLAX_") && !VARIABLES.iter().any(|one| one.name == name))
            .filter(|name| !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        for name in strange {
            self.fault(&name, "is not a setting of ours; see check-config for those that are".to_owned());
        }
    }
}
