//! A moto server with an account in it: what the AWS collector is measured on.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecr::config::Credentials;
use aws_sdk_ecr::types::{ImageScanningConfiguration, ImageTagMutability};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, FunctionUrlAuthType, Runtime};
use futures::{StreamExt, stream};
use tokio::process::{Child, Command};

use super::BenchError;

/// The one region everything is in.
pub const REGION: &str = "eu-west-1";
const AT_ONCE: usize = 24;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const NARROW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:GetItem"],"Resource":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders"}]}"#;
const WIDE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const PULL: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"all","Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage"]}]}"#;
const EXPIRE: &str = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}"#;
/// The smallest archive there is: an empty one.
const ARCHIVE: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The program that serves it.
const SERVER: &str = include_str!("moto.py");

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct Moto {
    /// `http://127.0.0.1:port`
    pub address: String,
    _server: Child,
}

impl Moto {
    /// Starts the moto that `PARALLAX_TEST_MOTO` names, or the one on the path.
    pub async fn start() -> Result<Self, BenchError> {
        let program = python();
        let port = free_port().await?;
        let mut server = Command::new(&program)
            .args(["-c", SERVER, &port.to_string()])
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                BenchError::Setup(format!("{}: {error}; install moto[server] with pip", program.display()))
            })?;
        let address = format!("http://127.0.0.1:{port}");
        for _ in 0..300 {
            if reqwest::get(format!("{address}/moto-api/data.json")).await.is_ok() {
                return Ok(Self { address, _server: server });
            }
            if let Some(status) = server.try_wait()? {
                let problem =
                    format!("{} ended with {status}; install moto[server] with pip", program.display());
                return Err(BenchError::Setup(problem));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(BenchError::Setup("moto did not answer within 30 seconds".into()))
    }

    async fn config(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("sample", "sample", None, None, "bench"))
            .endpoint_url(&self.address)
            .load()
            .await
    }

    /// Fills the account: one role for every two functions, urls, policies, repositories, images.
    pub async fn fill(&self, functions: u32, repositories: u32) -> Result<(), BenchError> {
        let config = self.config().await;
        let iam = aws_sdk_iam::Client::new(&config);
        let lambda = aws_sdk_lambda::Client::new(&config);
        let ecr = aws_sdk_ecr::Client::new(&config);
        all((0..functions.div_ceil(2)).map(|number| role(&iam, number))).await?;
        all((0..functions).map(|number| function(&lambda, number))).await?;
        all((0..repositories).map(|number| repository(&ecr, number))).await
    }
}

async fn all(
    steps: impl Iterator<Item = impl Future<Output = Result<(), BenchError>>>,
) -> Result<(), BenchError> {
    let mut running = stream::iter(steps).buffer_unordered(AT_ONCE);
    while let Some(done) = running.next().await {
        done?;
    }
    Ok(())
}

/// The Python that moto is installed for: beside its own server.
fn python() -> PathBuf {
    let moto = std::env::var_os("PARALLAX_TEST_MOTO").map(PathBuf::from);
    moto.map_or_else(|| "python3".into(), |program| program.with_file_name("python"))
}

async fn free_port() -> Result<u16, BenchError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(BenchError::from)?;
    Ok(listener.local_addr()?.port())
}

fn failed(error: impl std::error::Error) -> BenchError {
    BenchError::Setup(aws_sdk_lambda::error::DisplayErrorContext(error).to_string())
}

async fn role(client: &aws_sdk_iam::Client, number: u32) -> Result<(), BenchError> {
    let name = format!("role-{number}");
    client.create_role().role_name(&name).assume_role_policy_document(TRUST).send().await.map_err(failed)?;
    let document = if number.is_multiple_of(25) { WIDE } else { NARROW };
    let put = client.put_role_policy().role_name(&name).policy_name("app").policy_document(document);
    put.send().await.map_err(failed)?;
    let arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    client.attach_role_policy().role_name(&name).policy_arn(arn).send().await.map_err(failed)?;
    Ok(())
}

async fn function(client: &aws_sdk_lambda::Client, number: u32) -> Result<(), BenchError> {
    let name = format!("function-{number}");
    let runtimes = [Runtime::Python312, Runtime::Nodejs22x, Runtime::Java21, Runtime::Python39];
    let runtime = runtimes[usize::try_from(number % 4).unwrap_or_default()].clone();
    let variables =
        Environment::builder().variables("LOG_LEVEL", "info").variables("TABLE", "orders").build();
    client
        .create_function()
        .function_name(&name)
        .role(format!("arn:aws:iam::123456789012:role/role-{}", number / 2))
        .runtime(runtime)
        .handler("index.handler")
        .environment(variables)
        .tags("owner", "platform")
        .code(FunctionCode::builder().zip_file(Blob::new(ARCHIVE)).build())
        .send()
        .await
        .map_err(failed)?;
    if number.is_multiple_of(10) {
        let url = client.create_function_url_config().function_name(&name);
        url.auth_type(FunctionUrlAuthType::None).send().await.map_err(failed)?;
    }
    if number.is_multiple_of(3) {
        let grant = client.add_permission().function_name(&name).statement_id("bucket");
        let grant = grant
            .action("lambda:InvokeFunction")
            .principal("s3.amazonaws.com")
            .source_account("123456789012");
        grant.send().await.map_err(failed)?;
    }
    if number.is_multiple_of(2) {
        let limit = client.put_function_concurrency().function_name(&name).reserved_concurrent_executions(5);
        limit.send().await.map_err(failed)?;
    }
    Ok(())
}

async fn repository(client: &aws_sdk_ecr::Client, number: u32) -> Result<(), BenchError> {
    let name = format!("team/app-{number}");
    let scanning = ImageScanningConfiguration::builder().scan_on_push(number.is_multiple_of(2)).build();
    let tags =
        if number.is_multiple_of(3) { ImageTagMutability::Mutable } else { ImageTagMutability::Immutable };
    let create = client.create_repository().repository_name(&name).image_scanning_configuration(scanning);
    create.image_tag_mutability(tags).send().await.map_err(failed)?;
    if number.is_multiple_of(5) {
        client
            .set_repository_policy()
            .repository_name(&name)
            .policy_text(PULL)
            .send()
            .await
            .map_err(failed)?;
    }
    if number.is_multiple_of(2) {
        let rule = client.put_lifecycle_policy().repository_name(&name).lifecycle_policy_text(EXPIRE);
        rule.send().await.map_err(failed)?;
    }
    for image in 0..2 {
        let put = client.put_image().repository_name(&name).image_tag(format!("1.{image}"));
        put.image_manifest(manifest(number, image)).send().await.map_err(failed)?;
    }
    Ok(())
}

fn manifest(repository: u32, image: u32) -> String {
    let digest = format!("sha256:{repository:032x}{image:032x}");
    serde_json::json!({ "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 7023, "digest": digest },
        "layers": [{ "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 32654, "digest": digest }] })
    .to_string()
}
