//! The words that names are judged by.

/// Words of which one makes a name a password's.
#[rustfmt::skip]
pub(super) const PASSWORDS: &[&str] = &[
    "password", "passwords", "passwd", "pwd", "pw", "passphrase", "passcode", "pass",
];

/// What a word ends in that is a password's, where nothing divides it: `PGPASSWORD`.
pub(super) const PASSWORD_ENDINGS: &[&str] = &["password", "passwd", "passphrase", "pwd"];

/// Such words that end in `pass`, which others do that mean something else.
#[rustfmt::skip]
pub(super) const JOINED: &[&str] = &[
    "sshpass", "dbpass", "pgpass", "mysqlpass", "redispass", "mqttpass", "smtppass", "ftppass", "userpass",
    "adminpass", "rootpass",
];

/// What a word ends in that is a generated secret's, where nothing divides it: `CLIENTSECRET`.
pub(super) const GENERATED_ENDINGS: &[&str] = &["secret", "token", "apikey", "secretkey", "accesskey"];

/// Words of which one makes a name a generated secret's.
#[rustfmt::skip]
pub(super) const GENERATED: &[&str] = &[
    "secret", "secrets", "token", "apikey", "apikeys", "credential", "credentials", "secretkey", "accesskey",
];

/// Words that make `key` a secret one when they stand right before it.
#[rustfmt::skip]
pub(super) const SECRET_KEYS: &[&str] = &[
    "api", "access", "secret", "private", "account", "encryption", "encrypt", "decryption", "signing",
    "sign", "shared", "master", "auth", "subscription", "storage", "cosmos", "cosmosdb", "admin", "deploy",
    "webhook", "hmac", "aes", "cipher", "crypto", "ssh", "rsa", "jwt", "session", "cookie", "security",
    "integration", "service", "app", "rest", "write",
];

/// Words after which a name speaks about the secret instead of holding it.
#[rustfmt::skip]
pub(super) const ABOUT: &[&str] = &[
    "name", "names", "id", "ids", "arn", "arns", "path", "paths", "file", "filename", "uri", "url", "urls",
    "endpoint", "host", "hostname", "port", "ttl", "expiry", "expires", "expire", "expiration", "exp",
    "age", "timeout", "duration", "lifetime", "seconds", "secs", "sec", "minutes", "hours", "days", "ms",
    "millis", "length", "len", "min", "max", "size", "count", "limit", "limits", "budget", "usage", "type",
    "types", "version", "policy", "rotation", "rotate", "enabled", "disabled", "required", "enable",
    "disable", "header", "headers", "prefix", "suffix", "format", "algorithm", "alg", "issuer", "audience",
    "scope", "scopes", "claim", "claims", "region", "location", "store", "vault", "provider", "manager",
    "table", "bucket", "queue", "topic", "field", "column", "param", "parameter", "params", "ref",
    "reference", "label", "alias", "index", "cache", "mode", "interval", "retry", "retries", "attempts",
    "encoding", "pattern", "regex", "source", "kind", "env", "var", "variable", "method", "page",
    "template", "subject", "link", "email", "message", "key", "keyname", "keyid", "namespace", "engine",
    "backend", "complexity", "strength", "history", "hash", "hashes", "sha", "sha1", "sha256", "md5",
    "checksum", "digest", "fingerprint", "thumbprint", "salt", "rounds", "service", "server", "client",
    "api", "role", "user", "username", "validation", "validator", "verification", "check", "checks",
    "reset", "resource", "handler", "class", "function", "lambda", "schedule", "cron", "window",
    "threshold", "delay", "leeway", "skew", "grace", "through", "stdin", "rate", "ratio",
];

/// Words before which a name is public or speaks about quantity.
#[rustfmt::skip]
pub(super) const NOT_SECRET: &[&str] = &[
    "public", "pub", "publishable", "min", "max", "num", "number", "count", "is", "has", "use", "uses",
    "enable", "disable", "allow", "require", "requires", "skip", "validate", "gpg", "pgp", "next",
    "partition", "sort", "primary", "forgot", "reset", "csrf", "xsrf", "cancellation", "continuation",
    "pagination", "page", "design", "stop", "eos", "bos", "pad", "by", "show", "hide", "no", "disallow",
    "force", "expect",
];
