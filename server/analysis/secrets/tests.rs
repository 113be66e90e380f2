//! A table of what must be found, a table of what must stay silent, and the promise that no value
//! leaks.

use proptest::prelude::*;

use super::checks::{base62, crc32};
use super::*;

fn key() -> FingerprintKey {
    FingerprintKey::new([7; 32])
}

fn rule(name: &str, value: &str) -> Option<String> {
    inspect(name, value, &key()).secret.map(|hit| hit.rule)
}

/// Letters and digits that look random and are always the same.
fn noise(length: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9E37_79B9_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            letters[(state >> 16) as usize % letters.len()]
        })
        .collect()
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn with_checksum(prefix: &str) -> String {
    let body = noise(30, ALNUM);
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let sum = String::from_utf8(base62(crc32(body.as_bytes()), alphabet).to_vec()).expect("letters");
    format!("{prefix}{body}{sum}")
}

#[test]
fn every_pattern_compiles() {
    assert_eq!(formats::broken(), Vec::<&str>::new());
}

#[test]
fn the_checksum_is_the_published_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

fn keys_of_clouds() -> Vec<(&'static str, String)> {
    let a = |length| noise(length, ALNUM);
    vec![
        ("aws-access-key-id", format!("AKIA{}", noise(16, UPPER))),
        ("aws-access-key-id", format!("key is ASIA{} today", noise(16, UPPER))),
        (
            "azure-storage-key",
            format!(
                "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={}==;EndpointSuffix=core.windows.net",
                a(86)
            ),
        ),
        (
            "azure-shared-access-key",
            format!(
                "Endpoint=sb://bus.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={}=",
                a(43)
            ),
        ),
        (
            "azure-shared-access-signature",
            format!(
                "https://acct.blob.core.windows.net/c/p.zip?sv=2022-11-02&se=2030-01-01&sr=b&sp=r&sig={}%3D",
                a(43)
            ),
        ),
        ("azure-function-key", format!("https://app.example.net/api/x?code={}==", a(54))),
        ("azure-client-secret", format!("{}8Q~{}", a(3), a(34))),
        ("github-token", with_checksum("ghp_")),
        ("github-token", with_checksum("ghs_")),
        ("github-fine-grained-token", format!("github_pat_{}_{}", a(22), a(59))),
        ("gitlab-token", format!("glpat-{}", a(20))),
        ("slack-token", format!("xoxb-123456789012-1234567890123-{}", a(24))),
        (
            "slack-webhook",
            format!("https://hooks.slack.com/services/T{}/B{}/{}", noise(10, UPPER), noise(10, UPPER), a(24)),
        ),
    ]
}

fn keys_of_services() -> Vec<(&'static str, String)> {
    let a = |length| noise(length, ALNUM);
    let h = |length| noise(length, HEX);
    vec![
        ("stripe-key", format!("sk_live_{}", a(24))),
        ("twilio-key", format!("SK{}", h(32))),
        ("sendgrid-key", format!("SG.{}.{}", a(22), a(43))),
        ("npm-token", with_checksum("npm_")),
        ("pypi-token", format!("pypi-AgEIcHlwaS5vcmc{}", a(80))),
        ("google-api-key", format!("AIza{}", a(35))),
        ("google-client-secret", format!("GOCSPX-{}", a(28))),
        ("openai-key", format!("sk-{}T3BlbkFJ{}", a(20), a(20))),
        ("openai-key", format!("sk-proj-{}T3BlbkFJ{}", a(74), a(74))),
        ("anthropic-key", format!("sk-ant-api03-{}AA", a(93))),
        ("huggingface-token", format!("hf_{}", noise(34, "abcdefghijklmnopqrstuvwxyzABCDEF"))),
        ("databricks-token", format!("dapi{}", h(32))),
        ("digitalocean-token", format!("dop_v1_{}", h(64))),
        ("telegram-bot-token", format!("123456789:AA{}", a(33))),
        ("vault-token", format!("hvs.{}", a(95))),
    ]
}

fn shapes() -> Vec<(&'static str, String)> {
    let a = |length| noise(length, ALNUM);
    vec![
        (
            "private-key",
            format!("-----BEGIN RSA PRIVATE KEY-----\\n{}\\n-----END RSA PRIVATE KEY-----", a(64)),
        ),
        (
            "private-key",
            format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----", a(64), a(64)),
        ),
        (
            "private-key",
            format!(
                r#"{{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\n{}\n"}}"#,
                a(64)
            ),
        ),
        ("password-in-url", "postgres://app:s3cr3tpw@db.internal:5432/orders".into()),
        ("password-in-url", "amqps://svc:Tr0ub4dor%263@mq.internal".into()),
        ("password-in-url", "redis://:hunter2hunter2@cache:6379/0".into()),
        (
            "password-in-connection-string",
            "Server=tcp:db,1433;Database=orders;User ID=app;Password=Sup3rS3cret!;".into(),
        ),
        (
            "password-in-connection-string",
            "cache.redis.example.net:6380,password=q7Rt9zLm2q7Rt9zLm2=,ssl=True".into(),
        ),
        ("password-in-connection-string", "host=db user=app password=Sup3rS3cret dbname=orders".into()),
    ]
}

#[test]
fn known_formats_are_found_under_any_name() {
    for (expected, value) in [keys_of_clouds(), keys_of_services(), shapes()].concat() {
        assert_eq!(rule("SETTING", &value).as_deref(), Some(expected), "{value}");
    }
}

#[test]
fn a_token_of_the_wrong_checksum_or_length_is_a_lookalike() {
    let mut wrong = with_checksum("ghp_");
    let last = if wrong.ends_with('0') { "1" } else { "0" };
    wrong.replace_range(wrong.len() - 1.., last);
    assert_eq!(rule("SETTING", &wrong), None);
    for value in [
        format!("npm_{}", noise(36, ALNUM)),
        format!("AKIA{}", noise(15, UPPER)),
        format!("AKIA{}", noise(17, UPPER)),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        format!("AIza{}", noise(20, ALNUM)),
        "xoxb-not-a-token".to_owned(),
        "bot-token-handler".to_owned(),
        "12345:AAbot".to_owned(),
        "sk_live_".to_owned(),
        "hf_model_name".to_owned(),
        "SKU12345".to_owned(),
    ] {
        assert_eq!(rule("SETTING", &value), None, "{value}");
    }
}

#[test]
fn a_placeholder_in_a_connection_string_is_none_of_its_passwords() {
    for password in ["<password>", "$DB_PASSWORD", "%DB_PASSWORD%", "__DB_PASSWORD__", "{0}", "%s"] {
        let value = format!("Server=db;User ID=app;Password={password};");
        assert_eq!(rule("SETTING", &value), None, "{value}");
    }
}

#[test]
fn a_key_of_a_signalr_service_is_found() {
    let value =
        format!("Endpoint=https://x.service.signalr.net;AccessKey={}=;Version=1.0;", noise(43, ALNUM));
    assert_eq!(rule("AzureSignalRConnectionString", &value).as_deref(), Some("azure-shared-access-key"));
}

#[test]
fn password_like_names_with_real_values_are_found() {
    for (name, value) in [
        ("DB_PASSWORD", "hunter2"),
        ("DB_PASSWORD", "changeme"),
        ("dbPassword", "Tr0ub4dor&3"),
        ("DATABASE_PASSWD", "correct horse battery"),
        ("SMTP_PASS", "Summer2024!"),
        ("ADMIN_PWD", "letmein1"),
        ("DB_PASSWORD_PROD", "q7Rt9zLm2"),
        ("PASSWORD2", "q7Rt9zLm2"),
        ("ConnectionStrings__Password", "q7Rt9zLm2"),
        ("CLIENT_SECRET", "8f3a1c9e7b2d4f60a5c8e1b3d7f92046"),
        ("CLIENT_SECRET", "0b6f3a52-6a0d-4a6f-9d3c-2f7a51c0b9de"),
        ("JWT_SECRET", "bXlzdXBlcnNlY3JldGtleTEyMw=="),
        ("API_TOKEN", "a8f5f167f44f4964e6c998dee827110c"),
        ("SLACK_BOT_TOKEN", "b0t-9f8e7d6c5b4a3f2e1d"),
        ("DATADOG_API_KEY", "9775a026f1ca7d1c6c5af9d94d9595a4"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ9r8TvW2k"),
        ("StorageAccountKey", "p7nXqK0bW3vZ8sT1yR6uJ4mL9cF2hD5g"),
        ("SESSION_SECRET", "qzjvkxwplmbnrtyuasdfgh"),
        ("CONFIG", r#"{"db":{"user":"app","password":"q7Rt9zLm2"}}"#),
    ] {
        assert!(rule(name, value).is_some(), "{name}={value}");
    }
}

const SILENT: &[(&str, &str)] = &[
    // References.
    ("DB_PASSWORD", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/db/)"),
    ("DB_PASSWORD", "@Microsoft.KeyVault(VaultName=v;SecretName=db)"),
    ("DB_SECRET", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf"),
    ("DB_PASSWORD", "arn:aws:ssm:eu-west-1:111122223333:parameter/prod/db"),
    ("DB_PASSWORD", "{{resolve:secretsmanager:prod/db:SecretString:password}}"),
    ("DB_PASSWORD", "${DB_PASSWORD}"),
    ("DB_PASSWORD", "$DB_PASSWORD"),
    ("DB_PASSWORD", "%DB_PASSWORD%"),
    ("DB_PASSWORD", "$(cat /run/secrets/db)"),
    ("DB_PASSWORD", "secretref:db-password"),
    ("DB_PASSWORD", "vault:secret/data/db#password"),
    ("DB_PASSWORD", "op://prod/db/password"),
    ("API_KEY", "projects/acme/secrets/api-key/versions/latest"),
    ("SECRET", "https://acme.vault.azure.net/secrets/db-password"),
    ("DB_PASSWORD", "AQICAHhB7JTq3V6i0Q1wZ3mS6v9r0c2K5n8"),
    ("DB_PASSWORD", "/prod/orders/db/password"),
    ("DB_PASSWORD", "/prod/v2/dbPassword"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/var/task/credentials.json"),
    ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db:5432/orders"),
    ("DATABASE_URL", "postgres://app:<password>@db:5432/orders"),
    ("DATABASE_URL", "postgres://app@db:5432/orders"),
    // Names of secrets.
    ("DB_SECRET", "prod/orders/db"),
    ("DB_SECRET", "prod-orders-db-credentials"),
    ("SECRET", "my-app-secret-v2"),
    ("API_TOKEN", "orders-api-token"),
    ("DB_PASSWORD", "prod-db-password"),
    ("DB_PASSWORD", "ORDERS_DB_PASSWORD"),
    ("SECRET_NAME", "prod/db-9x8Y7z"),
    ("DB_SECRET", "prod/orders/db-x7Kp2Q"),
    ("DB_SECRET", "rds!db-0b6f3a52-6a0d-4a6f-9d3c-2f7a51c0b9de"),
    ("SECRET_ARN", "prod4f9a8b7c6d5e"),
    ("DB_SECRET_ID", "a8f5f167f44f4964e6c998dee827110c"),
    ("DB_PASSWORD_SECRET_NAME", "a8f5f167f44f4964"),
    // Flags.
    ("USE_TOKEN", "yes"),
    ("PASSWORD", "no"),
    ("PASSWORD_ENABLED", "true"),
    ("DB_PASSWORD", "disabled"),
    ("API_KEY_REQUIRED", "true"),
    ("SECRET", "none"),
    // Placeholders.
    ("API_KEY", "<your-key>"),
    ("API_KEY", "your-api-key-here1"),
    ("API_KEY", "xxxxxxxxxxxxxxxx"),
    ("DB_PASSWORD", "********"),
    ("DB_PASSWORD", "example"),
    ("TOKEN", "example-token-1234"),
    ("TOKEN", "REPLACE_ME_123"),
    // Numbers, durations, limits, settings about secrets.
    ("TOKEN_TTL", "3600"),
    ("TOKEN_TTL", "15m"),
    ("TOKEN_EXPIRY_SECONDS", "86400"),
    ("PASSWORD_MIN_LENGTH", "12"),
    ("MAX_TOKENS", "40960000"),
    ("TOKEN", "3600"),
    ("PASSWORD_POLICY", "upper1lower1digit1"),
    ("TOKEN_URL", "https://login.example.net/oauth2/v2.0/token"),
    ("TOKEN_ISSUER", "https://sts.example.net/9f8e7d6c5b4a"),
    ("JWT_ALGORITHM", "RS256"),
    ("PASSWORD_RESET_URL", "https://app.example.net/reset"),
    ("TOKEN_HEADER", "X-Api-Token-V2"),
    ("PASSWORD_HASH_ROUNDS", "1000000"),
    ("AWS_ACCESS_KEY_ID_PARAM", "svc-key-7f6e5d4c"),
    ("NEXT_PAGE_TOKEN", "a8f5f167f44f4964e6c998dee827110c"),
    // Public by nature.
    ("PUBLIC_KEY", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1L"),
    ("SSH_KEY", "-----BEGIN PUBLIC KEY-----"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_51H8a7b6c5d4e3f2a1b0c9d8"),
    ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
    ("PYTHON_SHA256", "9c6ab2e1b6a4f1a3f5d4c8e7b2a1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3"),
    ("APPINSIGHTS_INSTRUMENTATIONKEY", "0b6f3a52-6a0d-4a6f-9d3c-2f7a51c0b9de"),
    (
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "InstrumentationKey=0b6f3a52-6a0d-4a6f-9d3c-2f7a51c0b9de;IngestionEndpoint=https://x.example.net/",
    ),
    ("TENANT_ID", "0b6f3a52-6a0d-4a6f-9d3c-2f7a51c0b9de"),
    ("COMMIT_SHA", "a8f5f167f44f4964e6c998dee827110ca8f5f167"),
    ("PARTITION_KEY", "a8f5f167f44f4964e6c998dee827110c"),
    ("KMS_KEY_ID", "0b6f3a52-6a0d-4a6f-9d3c-2f7a51c0b9de"),
    ("AzureWebJobsStorage", "UseDevelopmentStorage=true"),
    ("AzureWebJobsStorage__accountName", "ordersstorage001"),
    ("PWD", "/app"),
    ("BYPASS", "something1"),
    ("COMPASS_MODE", "fast1fast1"),
    ("MONKEY", "a8f5f167f44f4964e6c998dee827110c"),
    ("S3_KEY", "exports/2024/report-17.csv"),
    ("LOG_LEVEL", "debug"),
];

#[test]
fn what_only_looks_alike_stays_silent() {
    for (name, value) in SILENT {
        assert_eq!(rule(name, value), None, "{name}={value}");
    }
}

#[test]
fn kinds_and_fingerprints() {
    let variable = inspect("A", "@Microsoft.KeyVault(SecretUri=x)", &key());
    assert_eq!(variable.kind, VariableKind::Reference);
    let empty = inspect("A", "  ", &key());
    assert_eq!((empty.kind, empty.fingerprint.as_str()), (VariableKind::Empty, ""));
    let one = inspect("A", "on", &key());
    assert_eq!(one.kind, VariableKind::Plain);
    assert_eq!(one.fingerprint, inspect("B", "on", &key()).fingerprint);
    assert_ne!(one.fingerprint, inspect("A", "off", &key()).fingerprint);
    assert_ne!(one.fingerprint, inspect("A", "on", &FingerprintKey::new([8; 32])).fingerprint);
    assert_eq!(format!("{:?}", key()), "FingerprintKey(…)");
}

#[test]
fn a_mask_shows_the_format_and_the_length_alone() {
    let token = with_checksum("ghp_");
    let hit = inspect("A", &token, &key()).secret.expect("a token");
    assert_eq!(hit.masked, "ghp_… (40 characters)");
    let hit = inspect("DB_PASSWORD", "hunter2", &key()).secret.expect("a password");
    assert_eq!(hit.masked, "… (7 characters)");
}

#[test]
fn build_history_gives_its_secrets_away() {
    let token = with_checksum("npm_");
    for (text, rules) in [
        ("/bin/sh -c #(nop)  ENV DB_PASSWORD=hunter22".to_owned(), vec!["password-like-name"]),
        ("ENV DB_PASSWORD hunter22".to_owned(), vec!["password-like-name"]),
        ("ARG API_TOKEN=9f8e7d6c5b4a39281706".to_owned(), vec!["password-like-name"]),
        (format!("RUN |1 NPM_TOKEN={token} /bin/sh -c npm ci"), vec!["npm-token"]),
        ("RUN curl -u deploy:q7Rt9zLm2 https://repo.example.net/x".to_owned(), vec!["password-in-command"]),
        ("RUN tool login --password 'q7Rt9zLm2' --user app".to_owned(), vec!["password-like-name"]),
        ("RUN git clone https://bot:q7Rt9zLm2@git.example.net/x".to_owned(), vec!["password-in-url"]),
        ("ENV PATH=/usr/local/bin GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568".to_owned(), vec![]),
        ("RUN --mount=type=secret,id=npm_token npm ci".to_owned(), vec![]),
        ("RUN echo $NPM_TOKEN > .npmrc && TOKEN=$(cat /run/secrets/token) make".to_owned(), vec![]),
        ("RUN set -eux; wget -O x.tar.gz \"https://files.example.net/x.tar.gz\"; echo \"$SHA256 *x.tar.gz\" | sha256sum -c -".to_owned(), vec![]),
        ("RUN echo 'root:q7Rt9zLm2' | chpasswd".to_owned(), vec!["password-in-command"]),
        (r#"RUN echo '{"publishingPassword": null, "token": next()}' > x.json"#.to_owned(), vec![]),
        ("LABEL usage=\"Set the password: please read on\"".to_owned(), vec![]),
        ("CMD [\"node\" \"server.js\"]".to_owned(), vec![]),
        ("RUN useradd -m app && passwd -d app && passwd --lock app".to_owned(), vec![]),
    ] {
        let found: Vec<_> = scan_text(&text).into_iter().map(|hit| hit.rule).collect();
        assert_eq!(found, rules, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(name in "\\PC{0,40}", value in "(?s).{0,300}") {
        let _ = inspect(&name, &value, &key());
        let _ = scan_text(&value);
    }

    #[test]
    fn a_value_never_leaves(value in "[A-Za-z0-9+/=_!-]{8,60}", pick in 0_usize..6) {
        let names = ["DB_PASSWORD", "API_TOKEN", "SETTING", "AWS_SECRET_ACCESS_KEY", "JWT_SECRET", "X"];
        let wrapped = [
            value.clone(),
            format!("postgres://u:{value}@h/d"),
            format!("Server=h;User ID=u;Password={value};"),
            format!("AKIA{value}"),
            format!("{{\"password\":\"{value}\"}}"),
            format!("ENV DB_PASSWORD={value}"),
        ];
        let stored = serde_json::to_string(&inspect(names[pick], &wrapped[pick], &key())).expect("serialises");
        prop_assert!(!stored.contains(&value), "{} in {}", value, stored);
        for hit in scan_text(&wrapped[pick]) {
            prop_assert!(!hit.masked.contains(&value) && !hit.rule.contains(&value));
        }
    }
}
