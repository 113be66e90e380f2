//! An AWS account with planted verdicts, made in moto: 210 functions and 30 repositories, each a
//! different mixture of good and bad, and what every control must say of it.

use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Cors, Environment, FunctionCode, FunctionUrlAuthType, Runtime, TracingConfig, TracingMode,
};
use futures::{StreamExt, stream};
use parallax::model::Verdict::{self, Absent, Fail, Pass, Unknown};

use super::moto::Moto;

/// Region of the account's functions and repositories.
pub const REGION: &str = "eu-west-1";
/// How many functions are made.
pub const FUNCTIONS: usize = 210;
/// How many repositories are made.
pub const REPOSITORIES: usize = 30;
/// A well-formed key id and a password that no output may ever hold.
pub const SECRETS: [&str; 2] = ["AKIAQ3EGRX5NZ7T2LKPW", "kX9-wuQ2pLr7vT"];

/// What a control must say of an asset.
pub struct Planted {
    /// Name of the asset.
    pub asset: String,
    /// Code of the control.
    pub control: &'static str,
    /// The verdict.
    pub verdict: Verdict,
}

/// An archive with nothing in it: the end-of-directory record alone.
fn empty_archive() -> Vec<u8> {
    let mut bytes = b"PK\x05\x06".to_vec();
    bytes.resize(22, 0);
    bytes
}

/// Makes the account and tells what must be found in it.
pub async fn plant(moto: &Moto) -> Vec<Planted> {
    let config = moto.config(REGION).await;
    let roles = roles(&aws_sdk_iam::Client::new(&config)).await;
    let lambda = aws_sdk_lambda::Client::new(&config);
    let ecr = aws_sdk_ecr::Client::new(&config);
    let functions =
        stream::iter(0..FUNCTIONS).map(|number| function(&lambda, &roles, number)).buffer_unordered(16);
    let repositories =
        stream::iter(0..REPOSITORIES).map(|number| repository(&ecr, number)).buffer_unordered(8);
    let (functions, repositories) =
        tokio::join!(functions.collect::<Vec<_>>(), repositories.collect::<Vec<_>>());
    functions.into_iter().chain(repositories).flatten().collect()
}

/// An administrator, one that can make itself one, and one that reads a single bucket.
async fn roles(iam: &aws_sdk_iam::Client) -> [String; 3] {
    let policies = [
        None,
        Some(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:PassRole","ec2:RunInstances"],"Resource":"*"}]}"#,
        ),
        Some(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::one/*"}}"#,
        ),
    ];
    let mut arns = [String::new(), String::new(), String::new()];
    for (number, policy) in policies.into_iter().enumerate() {
        let name = ["admin", "climber", "reader"][number];
        let made =
            iam.create_role().role_name(name).assume_role_policy_document("{}").send().await.expect("a role");
        arns[number] = made.role().expect("the role").arn().to_owned();
        match policy {
            None => {
                let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
                iam.attach_role_policy().role_name(name).policy_arn(arn).send().await.expect("attached");
            }
            Some(text) => {
                let put = iam.put_role_policy().role_name(name).policy_name("own").policy_document(text);
                put.send().await.expect("an inline policy");
            }
        }
    }
    arns
}

async fn function(client: &aws_sdk_lambda::Client, roles: &[String; 3], number: usize) -> Vec<Planted> {
    let name = format!("fn-{number:03}");
    let role = [0, 1, 2, 2, 2, 2, 2, 2][number % 8];
    let old = number.is_multiple_of(4);
    let traced = number % 3 == 1;
    let mut environment = Environment::builder();
    for (key, value) in variables(number) {
        environment = environment.variables(key, value);
    }
    let mut create = client
        .create_function()
        .function_name(&name)
        .role(&roles[role])
        .handler("app.handler")
        .runtime(if old { Runtime::from("python3.7") } else { Runtime::from("python3.13") })
        .code(FunctionCode::builder().zip_file(Blob::new(empty_archive())).build())
        .environment(environment.build());
    if traced {
        create = create.tracing_config(TracingConfig::builder().mode(TracingMode::Active).build());
    }
    if number.is_multiple_of(2) {
        create = create.tags("Owner", "payments");
    }
    create.send().await.expect("a function");
    let reserved = number.is_multiple_of(3);
    if reserved {
        let put = client.put_function_concurrency().function_name(&name).reserved_concurrent_executions(5);
        put.send().await.expect("reserved concurrency");
    }
    url(client, &name, number).await;
    permission(client, &name, number).await;
    let said = |bad: bool| if bad { Fail } else { Pass };
    let verdicts = [
        ("ACC-01", said(number % 7 == 0)),
        ("ACC-02", said(role == 0)),
        ("ACC-04", said(role < 2)),
        ("ACC-07", said(number % 6 < 2)),
        ("ACC-09", said(number % 7 == 2)),
        ("API-01", [Fail, Pass, Absent, Absent, Absent][number % 5]),
        ("DEP-04", said(old)),
        ("OPS-03", said(!traced)),
        ("OPS-05", said(number % 2 == 1)),
        ("RES-01", said(!reserved)),
        // moto does not offer these calls: what was not read is unknown and never a pass.
        ("DEP-05", Unknown),
        ("RES-07", Unknown),
    ];
    verdicts.map(|(control, verdict)| Planted { asset: name.clone(), control, verdict }).into()
}

/// Secrets in clear, a reference, a flag and lookalikes, an innocent one, nothing.
fn variables(number: usize) -> Vec<(&'static str, &'static str)> {
    match number % 6 {
        0 => vec![("UPSTREAM", SECRETS[0]), ("STAGE", "prod")],
        1 => vec![("DB_PASSWORD", SECRETS[1])],
        2 => vec![("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf")],
        3 => vec![
            ("USE_TOKEN", "true"),
            ("TOKEN_TTL", "3600"),
            ("PASSWORD_MIN_LENGTH", "12"),
            ("SECRET_NAME", "orders/db"),
        ],
        4 => vec![("TABLE", "orders"), ("LOG_LEVEL", "info")],
        _ => Vec::new(),
    }
}

async fn url(client: &aws_sdk_lambda::Client, name: &str, number: usize) {
    let auth = match number % 5 {
        0 => FunctionUrlAuthType::None,
        1 => FunctionUrlAuthType::AwsIam,
        _ => return,
    };
    let cors = Cors::builder()
        .allow_origins(if number.is_multiple_of(5) { "*" } else { "https://example.com" })
        .build();
    client
        .create_function_url_config()
        .function_name(name)
        .auth_type(auth)
        .cors(cors)
        .send()
        .await
        .expect("a URL");
}

async fn permission(client: &aws_sdk_lambda::Client, name: &str, number: usize) {
    let add =
        client.add_permission().function_name(name).statement_id("planted").action("lambda:InvokeFunction");
    let add = match number % 7 {
        0 => add.principal("*"),
        1 => add.principal("s3.amazonaws.com").source_arn("arn:aws:s3:::uploads"),
        2 => add.principal("444455556666"),
        _ => return,
    };
    add.send().await.expect("a permission");
}

async fn repository(client: &aws_sdk_ecr::Client, number: usize) -> Vec<Planted> {
    let name = format!("repo-{number:02}");
    let (open, scanned, fixed) =
        (number.is_multiple_of(5), number.is_multiple_of(2), number.is_multiple_of(3));
    let (cleaned, own_key) = (number.is_multiple_of(4), number.is_multiple_of(6));
    let mut create = client
        .create_repository()
        .repository_name(&name)
        .image_scanning_configuration(ImageScanningConfiguration::builder().scan_on_push(scanned).build())
        .image_tag_mutability(if fixed {
            ImageTagMutability::Immutable
        } else {
            ImageTagMutability::Mutable
        });
    if own_key {
        let key = "arn:aws:kms:eu-west-1:123456789012:key/0d1e2f30-0000-4000-8000-000000000000";
        let own =
            EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms).kms_key(key).build();
        create = create.encryption_configuration(own.expect("an encryption"));
    }
    if scanned {
        let tag = aws_sdk_ecr::types::Tag::builder().key("team").value("payments").build();
        create = create.tags(tag.expect("a tag"));
    }
    create.send().await.expect("a repository");
    if open {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}"#;
        client
            .set_repository_policy()
            .repository_name(&name)
            .policy_text(text)
            .send()
            .await
            .expect("a policy");
    }
    if cleaned {
        let text = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]}"#;
        client
            .put_lifecycle_policy()
            .repository_name(&name)
            .lifecycle_policy_text(text)
            .send()
            .await
            .expect("a rule");
    }
    let said = |bad: bool| if bad { Fail } else { Pass };
    let verdicts = [
        ("ACC-01", said(open)),
        ("ACC-08", said(!own_key)),
        ("DEP-02", said(!scanned)),
        ("DEP-08", said(!fixed)),
        ("DEP-09", said(!cleaned)),
        ("OPS-05", said(!scanned)),
    ];
    verdicts.map(|(control, verdict)| Planted { asset: name.clone(), control, verdict }).into()
}
