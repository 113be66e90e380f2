//! What the operator has set, by environment. Read once, in one place; all faults are told at once.
//!
//! Layer 0: plain values. Nothing is opened, bound or resolved here.

mod reader;

use std::net::SocketAddr;
use std::path::PathBuf;

use reader::Reader;

/// One variable: its name, its default in words, what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// `PARALLAX_LISTEN`.
    pub name: &'static str,
    /// The value in force where it is not set; empty where there is none.
    pub default: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Shown masked.
    pub secret: bool,
}

const fn variable(name: &'static str, default: &'static str, about: &'static str) -> Variable {
    Variable { name, default, about, secret: false }
}

/// Every variable, in the order they are shown.
pub const VARIABLES: &[Variable] = &[
    variable(
        "PARALLAX_LISTEN",
        "127.0.0.1:8080",
        "Where the dashboard answers. Beyond loopback only behind a proxy that ends TLS.",
    ),
    variable(
        "PARALLAX_METRICS_LISTEN",
        "",
        "Where Prometheus reads /metrics, such as 127.0.0.1:9464; not for everybody's eyes. Without it nowhere.",
    ),
    variable(
        "PARALLAX_PUBLIC_URL",
        "",
        "Where browsers find the dashboard, such as https://posture.example.org. Without it http:// and the address above.",
    ),
    variable(
        "PARALLAX_PROXY",
        "no",
        "yes: a proxy in front ends TLS and adds the visitor to X-Forwarded-For.",
    ),
    variable(
        "PARALLAX_LOGIN",
        "on",
        "on: people log in. off: whoever reaches it is the owner; loopback only.",
    ),
    variable(
        "PARALLAX_OUTGOING",
        "internet",
        "How near to us addresses that people typed may lead: internet, private or loopback.",
    ),
    variable(
        "PARALLAX_ENDPOINTS",
        "no",
        "yes: connections made on pages may name another endpoint than AWS's or Azure's own.",
    ),
    variable(
        "PARALLAX_OWN_IDENTITY",
        "no",
        "yes: connections made on pages may reach Azure with the identity of this server. It is then everybody's who may connect.",
    ),
    variable(
        "PARALLAX_AWS_PRINCIPAL",
        "",
        "Who this server is on AWS, as trust policies name it. Without it AWS is asked.",
    ),
    Variable {
        name: "PARALLAX_KEY",
        default: "",
        about: "Key that seals secrets, 32 bytes in base64. Without it house.key in the data folder.",
        secret: true,
    },
    variable("PARALLAX_KEY_FILE", "", "File that holds this key."),
    Variable {
        name: "PARALLAX_FORMER_KEY",
        default: "",
        about: "The key before, until `parallax keys rotate` has sealed everything anew.",
        secret: true,
    },
    variable("PARALLAX_DATA_DIR", "~/.local/share/parallax", "Folder of the private Postgres and of keys."),
    Variable {
        name: "PARALLAX_DATABASE_URL",
        default: "",
        about: "Postgres 15 or newer. Without it a private one is started in the data folder.",
        secret: true,
    },
    variable("PARALLAX_DATABASE_CONNECTIONS", "10", "Most connections to Postgres, 2 to 200."),
    Variable {
        name: "PARALLAX_SMTP_URL",
        default: "",
        about: "Mail server of digests: smtps://user:password@host:465, or smtp://host:587?tls=required. Without it no mail goes out.",
        secret: true,
    },
    variable("PARALLAX_MAIL_FROM", "Parallax <parallax@localhost>", "In whose name mails go out."),
    variable("PARALLAX_WORKERS", "2", "Runs a worker works on at once, 1 to 32."),
    variable(
        "PARALLAX_LOG",
        "info",
        "What is logged: error, warn, info, debug, or a filter such as parallax=debug.",
    ),
    variable("PARALLAX_LOG_FORMAT", "text", "How it is logged: text or json."),
    variable(
        "PARALLAX_ALLOWED_REGIONS",
        "",
        "Regions assets may live in, comma separated. Without it FRM-03 says nothing.",
    ),
    variable(
        "PARALLAX_TRUSTED_ACCOUNTS",
        "",
        "Accounts that may be let in beside an asset's own, comma separated.",
    ),
    variable("PARALLAX_TRUSTED_REGISTRIES", "", "Registry hosts images may come from, comma separated."),
    variable(
        "PARALLAX_OWNER_TAGS",
        "owner,team,service-owner,contact",
        "Tag keys that name an owner, comma separated.",
    ),
];

/// Variables of ours that are read elsewhere: by `scan` and by connections that name them.
const ELSEWHERE: [&str; 5] =
    ["PARALLAX_AZURE_ENDPOINT", "PARALLAX_AZURE_TOKEN", "PARALLAX_TEST_", "PARALLAX_SECRET_", "PARALLAX_BIN"];

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How near to us an address that somebody typed may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The internet alone.
    Internet,
    /// Private networks too.
    Private,
    /// This machine too.
    Loopback,
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Config {
    /// Where the dashboard answers.
    pub listen: SocketAddr,
    /// Where the numbers of this process are told; none is nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where browsers find it; none is `http://` and `listen`.
    pub public_url: Option<url::Url>,
    /// A proxy in front ends TLS.
    pub proxy: bool,
    /// People log in.
    pub login: bool,
    /// How near addresses that people typed may lead.
    pub outgoing: Reach,
    /// Connections made on pages may name another endpoint for a cloud.
    pub endpoints: bool,
    /// Connections made on pages may reach Azure with the identity of this server.
    pub own_identity: bool,
    /// Who this server is on AWS; none is asked of AWS.
    pub aws_principal: Option<String>,
    /// Key that seals secrets; none is the one in the data folder.
    pub key: Option<String>,
    /// File of this key.
    pub key_file: Option<PathBuf>,
    /// The key before.
    pub former_key: Option<String>,
    /// Folder of the private Postgres and of keys.
    pub data_dir: PathBuf,
    /// Address of Postgres; none starts a private one.
    pub database_url: Option<String>,
    /// Most connections to Postgres.
    pub database_connections: u32,
    /// Mail server of digests; none sends no mail.
    pub smtp_url: Option<String>,
    /// In whose name mails go out.
    pub mail_from: String,
    /// Runs worked on at once.
    pub workers: usize,
    /// Filter of logs.
    pub log: String,
    /// Form of logs.
    pub log_format: LogFormat,
    /// Regions assets may live in.
    pub allowed_regions: Vec<String>,
    /// Accounts that may be let in.
    pub trusted_accounts: Vec<String>,
    /// Registries images may come from.
    pub trusted_registries: Vec<String>,
    /// Tag keys that name an owner.
    pub owner_tags: Vec<String>,
}

/// One thing wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub name: String,
    /// What is wrong.
    pub problem: String,
}

/// Everything wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl std::fmt::Display for Faults {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            let line = if position == 0 { "" } else { "\n" };
            write!(out, "{line}{}: {}", fault.name, fault.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Config {
    /// Reads the process environment.
    pub fn from_environment() -> Result<Self, Faults> {
        let all: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self::read(&all)
    }

    /// Reads from a list of variables.
    pub fn read(environment: &[(String, String)]) -> Result<Self, Faults> {
        let mut reader = Reader { environment, faults: Vec::new() };
        reader.unknown();
        let config = Self {
            listen: reader.parsed("PARALLAX_LISTEN", "an address and port such as 127.0.0.1:8080"),
            metrics_listen: reader.set("PARALLAX_METRICS_LISTEN").filter(|value| !value.is_empty()).map(
                |_| reader.parsed("PARALLAX_METRICS_LISTEN", "an address and port such as 127.0.0.1:9464"),
            ),
            public_url: reader.public_url(),
            proxy: reader.choice("PARALLAX_PROXY", &[("no", false), ("yes", true)]),
            login: reader.choice("PARALLAX_LOGIN", &[("on", true), ("off", false)]),
            outgoing: reader.choice(
                "PARALLAX_OUTGOING",
                &[("internet", Reach::Internet), ("private", Reach::Private), ("loopback", Reach::Loopback)],
            ),
            endpoints: reader.choice("PARALLAX_ENDPOINTS", &[("no", false), ("yes", true)]),
            own_identity: reader.choice("PARALLAX_OWN_IDENTITY", &[("no", false), ("yes", true)]),
            aws_principal: reader.aws_principal(),
            key: reader.set("PARALLAX_KEY").filter(|value| !value.is_empty()),
            key_file: reader.set("PARALLAX_KEY_FILE").filter(|value| !value.is_empty()).map(PathBuf::from),
            former_key: reader.set("PARALLAX_FORMER_KEY").filter(|value| !value.is_empty()),
            data_dir: reader.data_dir(),
            database_url: reader.database_url(),
            database_connections: reader.number("PARALLAX_DATABASE_CONNECTIONS", 2, 200),
            smtp_url: reader.smtp_url(),
            mail_from: reader.text("PARALLAX_MAIL_FROM"),
            workers: reader.number("PARALLAX_WORKERS", 1, 32) as usize,
            log: reader.text("PARALLAX_LOG"),
            log_format: reader
                .choice("PARALLAX_LOG_FORMAT", &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
            allowed_regions: reader.list("PARALLAX_ALLOWED_REGIONS"),
            trusted_accounts: reader.list("PARALLAX_TRUSTED_ACCOUNTS"),
            trusted_registries: reader.list("PARALLAX_TRUSTED_REGISTRIES"),
            owner_tags: reader.list("PARALLAX_OWNER_TAGS"),
        };
        reader.entrance(&config);
        if reader.faults.is_empty() { Ok(config) } else { Err(Faults(reader.faults)) }
    }

    /// Every variable with the value in force, secrets masked.
    pub fn lines(environment: &[(String, String)]) -> Vec<(&'static str, String, bool)> {
        VARIABLES
            .iter()
            .map(|one| {
                let set =
                    environment.iter().find(|(name, _)| name == one.name).map(|(_, value)| value.as_str());
                let value = match set {
                    Some(value) if one.secret => masked(value),
                    Some(value) => value.to_owned(),
                    None => one.default.to_owned(),
                };
                (one.name, value, set.is_some())
            })
            .collect()
    }
}

/// An address without its password and without its query, which may hold one too.
fn masked(address: &str) -> String {
    let bare = address.split('?').next().unwrap_or("");
    match (bare.split_once("://"), bare.rsplit_once('@')) {
        (Some((scheme, _)), Some((login, host))) => {
            let user =
                login.trim_start_matches(scheme).trim_start_matches("://").split(':').next().unwrap_or("");
            format!("{scheme}://{user}:…@{host}")
        }
        (Some(_), None) => bare.to_owned(),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nothing_set_is_the_defaults() {
        let config = Config::read(&environment(&[("HOME", "/home/ann")])).expect("the defaults hold");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.data_dir, PathBuf::from("/home/ann/.local/share/parallax"));
        assert_eq!(config.database_url, None);
        assert_eq!(config.owner_tags.len(), 4);
        assert!(config.login && !config.proxy && config.outgoing == Reach::Internet);
    }

    #[test]
    fn nobody_comes_in_from_afar_in_the_clear() {
        let read = |pairs: &[(&str, &str)]| {
            let mut all = vec![("HOME", "/h"), ("PARALLAX_LISTEN", "0.0.0.0:8080")];
            all.extend_from_slice(pairs);
            Config::read(&environment(&all)).map_err(|faults| faults.to_string())
        };
        assert!(read(&[]).expect_err("in the clear").contains("PARALLAX_PROXY=yes"));
        let open = [("PARALLAX_LOGIN", "off"), ("PARALLAX_PROXY", "yes")];
        assert!(read(&open).expect_err("no log-in").contains("PARALLAX_LOGIN is off"));
        assert!(read(&[("PARALLAX_PROXY", "yes")]).expect_err("no name").contains("PARALLAX_PUBLIC_URL"));
        let told = [("PARALLAX_PROXY", "yes"), ("PARALLAX_PUBLIC_URL", "https://posture.example.org")];
        assert!(read(&told).is_ok());
    }

    #[test]
    fn all_faults_are_told_at_once_and_named() {
        let faults = Config::read(&environment(&[
            ("PARALLAX_LISTEN", "everywhere"),
            ("PARALLAX_WORKERS", "0"),
            ("PARALLAX_LOG_FORMAT", "xml"),
            ("PARALLAX_DATABASE_URL", "mysql://x"),
            ("PARALLAX_LISTNE", "127.0.0.1:1"),
        ]))
        .expect_err("six things are wrong");
        let names: Vec<_> = faults.0.iter().map(|fault| fault.name.as_str()).collect();
        for name in ["LISTEN", "WORKERS", "LOG_FORMAT", "DATABASE_URL", "LISTNE", "DATA_DIR"] {
            assert!(names.contains(&format!("PARALLAX_{name}").as_str()), "{name} is missing in {names:?}");
        }
        assert!(faults.to_string().contains(r#"PARALLAX_LISTEN: "everywhere" is not an address"#));
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in ["postgres://ann:s3cret@db/x", "postgres://db/x?user=ann&password=s3cret", "s3cret"] {
            let lines = Config::lines(&environment(&[("PARALLAX_DATABASE_URL", url)]));
            let (_, shown, _) = lines.iter().find(|line| line.0 == "PARALLAX_DATABASE_URL").expect("listed");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        assert_eq!(masked("postgres://ann:s3cret@db/x"), "postgres://ann:…@db/x");
    }

    #[test]
    fn the_example_file_lists_every_variable() {
        let mut text = String::from("# Every setting, with its default. Set those that differ.\n");
        for one in VARIABLES {
            let _ = write!(text, "\n# {}\n# {}={}\n", one.about, one.name, one.default);
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(found == text, ".env.example should be:\n{text}");
    }
}
