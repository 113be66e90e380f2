//! Thirty repositories whose verdicts are known before anything reads them.

use aws_config::SdkConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability, Tag,
};
use parallax::model::Verdict::{self, Absent, Fail, Pass, Provider};

use crate::support::aws::{ACCOUNT, all};

pub const COUNT: usize = 30;
const EXPIRE: &str = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}"#;

pub fn name(n: usize) -> String {
    format!("team/app-{n:02}")
}

/// Plants the repositories, each with two images and the signature of one.
pub async fn plant(config: &SdkConfig) {
    let client = &Client::new(config);
    all((0..COUNT).map(|n| plant_one(client, n))).await;
}

fn policy(n: usize) -> Option<String> {
    let (principal, condition) = match n % 5 {
        1 => (r#""*""#, ""),
        2 => (r#"{"AWS":"arn:aws:iam::444455556666:root"}"#, ""),
        3 => (r#"{"AWS":"*"}"#, r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}"#),
        _ => return None,
    };
    let statement = format!(
        r#"{{"Sid":"pull","Effect":"Allow","Principal":{principal},"Action":["ecr:BatchGetImage"]{condition}}}"#
    );
    Some(format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#))
}

async fn plant_one(client: &Client, n: usize) {
    let name = name(n);
    let scanning = ImageScanningConfiguration::builder().scan_on_push(n.is_multiple_of(2)).build();
    let mutability =
        if n.is_multiple_of(3) { ImageTagMutability::Mutable } else { ImageTagMutability::Immutable };
    let mut create = client.create_repository().repository_name(&name).image_scanning_configuration(scanning);
    if n.is_multiple_of(4) {
        let key = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/own");
        let own = EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms).kms_key(key);
        create = create.encryption_configuration(own.build().expect("an encryption"));
    }
    if n.is_multiple_of(3) {
        create = create.tags(Tag::builder().key("team").value("platform").build().expect("a tag"));
    }
    create.image_tag_mutability(mutability).send().await.expect("a repository");
    if let Some(policy) = policy(n) {
        let set = client.set_repository_policy().repository_name(&name).policy_text(policy);
        set.send().await.expect("a policy");
    }
    if n.is_multiple_of(2) {
        let rule = client.put_lifecycle_policy().repository_name(&name).lifecycle_policy_text(EXPIRE);
        rule.send().await.expect("a rule");
    }
    let signature = format!("sha256-{n:064x}.sig");
    for (position, tag) in ["1.0", "1.1", signature.as_str()].iter().enumerate() {
        let put = client.put_image().repository_name(&name).image_tag(*tag);
        put.image_manifest(manifest(n, position)).send().await.expect("an image");
    }
}

fn manifest(repository: usize, image: usize) -> String {
    let digest = format!("sha256:{repository:032x}{image:032x}");
    serde_json::json!({ "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 7023, "digest": digest },
        "layers": [{ "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 32654, "digest": digest }] })
    .to_string()
}

fn fails(bad: bool) -> Verdict {
    if bad { Fail } else { Pass }
}

/// The controls' verdicts on the repository `n`, by its plan above.
pub fn verdicts(n: usize) -> Vec<(&'static str, Verdict)> {
    vec![
        ("ACC-01", fails(n % 5 == 1)),
        ("ACC-08", fails(!n.is_multiple_of(4))),
        ("ACC-09", fails(n % 5 == 2)),
        ("ACC-12", Absent),
        ("API-01", Provider),
        ("API-04", Provider),
        ("DEP-02", fails(n % 2 == 1)),
        ("DEP-08", fails(n.is_multiple_of(3))),
        ("DEP-09", fails(n % 2 == 1)),
        ("OPS-05", fails(!n.is_multiple_of(3))),
    ]
}
