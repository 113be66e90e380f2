//! Two hundred functions whose verdicts are known before anything reads them.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, Cors, DestinationConfig, Environment, EphemeralStorage, FunctionCode, FunctionUrlAuthType,
    OnFailure, Runtime, TracingConfig, TracingMode,
};
use parallax::model::Verdict::{self, Absent, Fail, NotYet, Pass, Provider, Unknown};

use crate::support::aws::{ACCOUNT, all};

pub const COUNT: usize = 200;
const STRANGER: &str = "arn:aws:iam::444455556666:root";
/// The smallest archive there is: an empty one.
const ARCHIVE: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const RUNTIMES: [Runtime; 4] = [Runtime::Python312, Runtime::Nodejs22x, Runtime::Java21, Runtime::Python39];
/// Documents of the five kinds of role; none is the managed administrator.
const ROLES: [Option<&str>; 5] = [
    None,
    Some(r#"{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:*:*:table/orders"}"#),
    Some(r#"{"Effect":"Allow","Action":["s3:*"],"Resource":"*"}"#),
    Some(
        r#"{"Effect":"Allow","Action":["iam:PassRole","lambda:CreateFunction","lambda:InvokeFunction"],"Resource":"*"}"#,
    ),
    None,
];

pub fn name(n: usize) -> String {
    format!("planted-{n:03}")
}

/// A key that is well formed, put together here so that no scanner of this repository finds one.
pub fn cloud_key() -> String {
    ["AKIA", "QYLPMN5H", "HFIQR7XY"].concat()
}

fn shares_its_role(n: usize) -> bool {
    n.is_multiple_of(4)
}

fn role(n: usize) -> String {
    if shares_its_role(n) { format!("shared-{}", n % 5) } else { format!("own-{n}") }
}

/// Plants roles and functions.
pub async fn plant(config: &SdkConfig) {
    let iam = &aws_sdk_iam::Client::new(config);
    let lambda = &Client::new(config);
    let boundary =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    let policy = iam.create_policy().policy_name("only-reads").policy_document(boundary);
    policy.send().await.expect("a policy");
    let mut roles: Vec<(String, usize)> = (0..COUNT).map(|n| (role(n), n % 5)).collect();
    roles.sort();
    roles.dedup();
    all(roles.into_iter().map(|(name, kind)| plant_role(iam, name, kind))).await;
    all((0..COUNT).map(|n| plant_one(lambda, n))).await;
}

async fn plant_role(iam: &aws_sdk_iam::Client, name: String, kind: usize) {
    let mut create = iam.create_role().role_name(&name).assume_role_policy_document(TRUST);
    if kind == 4 {
        create = create.permissions_boundary(format!("arn:aws:iam::{ACCOUNT}:policy/only-reads"));
    }
    create.send().await.expect("a role");
    let basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    iam.attach_role_policy().role_name(&name).policy_arn(basic).send().await.expect("attached");
    if let Some(statement) = ROLES[kind] {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let put = iam.put_role_policy().role_name(&name).policy_name("app").policy_document(document);
        put.send().await.expect("an inline policy");
    } else {
        let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
        iam.attach_role_policy().role_name(&name).policy_arn(admin).send().await.expect("attached");
    }
}

fn variables(n: usize) -> Option<Environment> {
    let one = |key: &str, value: &str| Some(Environment::builder().variables(key, value).build());
    match n % 7 {
        0 => None,
        2 => one("AWS_KEY", &cloud_key()),
        3 => one("DB_PASSWORD", "vK3-qq81-Zlo9"),
        4 => one("DB_SECRET", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"),
        5 => one("TOKEN_TTL", "300"),
        _ => one("LOG_LEVEL", "info"),
    }
}

async fn plant_one(client: &Client, n: usize) {
    let name = name(n);
    let mut create = client
        .create_function()
        .function_name(&name)
        .role(format!("arn:aws:iam::{ACCOUNT}:role/{}", role(n)))
        .runtime(RUNTIMES[n % 4].clone())
        .handler("index.handler")
        .set_environment(variables(n))
        .timeout([3, 900, 60][n % 3])
        .memory_size(if n.is_multiple_of(2) { 128 } else { 1024 })
        .architectures(if n.is_multiple_of(2) { Architecture::Arm64 } else { Architecture::X8664 })
        .ephemeral_storage(
            EphemeralStorage::builder()
                .size(if n.is_multiple_of(10) { 1024 } else { 512 })
                .build()
                .expect("a size"),
        )
        .code(FunctionCode::builder().zip_file(Blob::new(ARCHIVE)).build());
    if n % 7 == 6 {
        create = create.kms_key_arn(format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/own"));
    }
    if n.is_multiple_of(2) {
        create = create.tracing_config(TracingConfig::builder().mode(TracingMode::Active).build());
    }
    if n.is_multiple_of(3) {
        create = create.tags("Owner", "platform");
    }
    create.send().await.expect("a function");
    plant_around(client, n, &name).await;
}

async fn plant_around(client: &Client, n: usize, name: &str) {
    let invoke =
        client.add_permission().function_name(name).statement_id("one").action("lambda:InvokeFunction");
    let invoke = match n % 6 {
        1 => Some(invoke.principal("*")),
        2 => Some(
            invoke.principal("s3.amazonaws.com").source_account(ACCOUNT).source_arn("arn:aws:s3:::bucket"),
        ),
        3 => Some(invoke.principal("s3.amazonaws.com")),
        4 => Some(invoke.principal(STRANGER)),
        _ => None,
    };
    if let Some(invoke) = invoke {
        invoke.send().await.expect("a permission");
    }
    let url = client.create_function_url_config().function_name(name);
    let url = match n % 3 {
        1 => Some(url.auth_type(FunctionUrlAuthType::None).cors(Cors::builder().allow_origins("*").build())),
        2 => Some(url.auth_type(FunctionUrlAuthType::AwsIam)),
        _ => None,
    };
    if let Some(url) = url {
        url.send().await.expect("a url");
    }
    if n.is_multiple_of(2) {
        let limit = client.put_function_concurrency().function_name(name).reserved_concurrent_executions(5);
        limit.send().await.expect("a limit");
    }
    if n.is_multiple_of(5) {
        let queue = OnFailure::builder().destination("arn:aws:sqs:eu-west-1:123456789012:failed").build();
        let config = client.put_function_event_invoke_config().function_name(name);
        let config = config.destination_config(DestinationConfig::builder().on_failure(queue).build());
        config.send().await.expect("a destination");
    }
}

fn fails(bad: bool) -> Verdict {
    if bad { Fail } else { Pass }
}

/// Every control's verdict on the function `n`, by its plan above.
pub fn verdicts(n: usize) -> Vec<(&'static str, Verdict)> {
    let kind = n % 5;
    let mut planted = vec![
        ("ACC-01", fails(n % 6 == 1)),
        ("ACC-02", fails(kind == 0)),
        // The last is an administrator whose boundary leaves it the reading of every bucket.
        ("ACC-03", fails(matches!(kind, 0 | 2 | 3 | 4))),
        ("ACC-04", fails(matches!(kind, 0 | 3))),
        ("ACC-05", fails(shares_its_role(n))),
        ("ACC-07", fails(matches!(n % 7, 2 | 3))),
        ("ACC-08", [Absent, Fail, Fail, Fail, Fail, Fail, Pass][n % 7]),
        ("ACC-09", fails(n % 6 == 4)),
        ("ACC-16", fails(n % 6 == 3)),
        ("API-01", [Absent, Fail, Pass][n % 3]),
        ("API-03", fails(n % 3 == 1)),
        ("DEP-04", fails(n % 4 == 3)),
        ("DEP-08", if matches!(n % 6, 2 | 3) { Fail } else { Absent }),
        ("RES-01", fails(n % 2 == 1)),
        ("RES-02", if n.is_multiple_of(2) { Pass } else { Unknown }),
        ("RES-03", fails(n % 3 == 1)),
        ("RES-05", fails(!n.is_multiple_of(5))),
        ("OPS-03", fails(n % 2 == 1)),
        ("OPS-05", fails(!n.is_multiple_of(3))),
        ("FRM-07", fails(n % 2 == 1)),
        ("HST-05", fails(n.is_multiple_of(10))),
    ];
    planted.extend(ALIKE);
    planted
}

/// What is the same for all: what was not varied, what moto does not answer, what is not a
/// function's.
const ALIKE: [(&str, Verdict); 12] = [
    ("ACC-06", Provider),
    ("ACC-10", Fail),
    ("ACC-17", Unknown),
    ("API-04", Provider),
    ("API-05", Provider),
    ("DEP-02", NotYet),
    ("DEP-05", Unknown),
    ("DEP-06", Pass),
    ("DEP-07", Fail),
    ("HST-04", Provider),
    ("RES-07", Unknown),
    ("OPS-01", Pass),
];
