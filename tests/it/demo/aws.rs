//! The AWS side, read with the SDK's own clients.

use aws_config::SdkConfig;
use aws_sdk_lambda::config::{Credentials, Region};
use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_lambda::types::{FunctionConfiguration, PackageType};
use parallax::demo::SampleCloud;

use super::cloud;

async fn config(cloud: &SampleCloud, account: usize, region: &str, key: &str) -> SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(Region::new(region.to_string()))
        .credentials_provider(Credentials::new(key, key, None, None, "test"))
        .endpoint_url(format!("http://{}/aws/{account}", cloud.address()))
        .load()
        .await
}

/// Every function of a region, page by page.
pub async fn functions(cloud: &SampleCloud, account: usize, region: &str) -> Vec<FunctionConfiguration> {
    let client = aws_sdk_lambda::Client::new(&config(cloud, account, region, "sample").await);
    let mut pages = client.list_functions().max_items(7).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(
            page.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(&error)))
                .functions
                .unwrap_or_default(),
        );
    }
    found
}

#[tokio::test]
async fn pages_lose_nothing_and_show_nothing_twice() {
    let cloud = cloud(1_000).await;
    let mut total = 0;
    for (account, regions) in [
        (0, &["eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2"][..]),
        (1, &["eu-west-1", "us-east-1"]),
    ] {
        for region in regions {
            let mut arns: Vec<_> = functions(&cloud, account, region)
                .await
                .into_iter()
                .filter_map(|one| one.function_arn)
                .collect();
            total += arns.len();
            let seen = arns.len();
            arns.sort();
            arns.dedup();
            assert_eq!(arns.len(), seen);
        }
    }
    assert_eq!(total, 320);
}

/// The error is one that the real service would give too.
fn known(code: Option<&str>) {
    assert!(matches!(code, Some("ResourceNotFoundException" | "AccessDeniedException")), "{code:?}");
}

/// `GetFunction` agrees with the list, or is refused; tells whether it was read.
async fn whole_agrees(client: &aws_sdk_lambda::Client, listed: &FunctionConfiguration) -> bool {
    let arn = listed.function_arn().expect("an ARN");
    match client.get_function().function_name(arn).send().await {
        Ok(whole) => {
            let mut inner = whole.configuration.expect("a configuration");
            assert!(inner.state.take().is_some() && inner.last_update_status.take().is_some());
            assert_eq!(inner, *listed);
            let image = inner.package_type == Some(PackageType::Image);
            assert_eq!(whole.code.and_then(|code| code.image_uri).is_some(), image);
            true
        }
        Err(error) => {
            assert_eq!(error.code(), Some("AccessDeniedException"));
            false
        }
    }
}

/// The calls nobody is refused.
async fn settings_are_read(client: &aws_sdk_lambda::Client, name: &str, arn: &str) {
    if let Err(error) = client.get_function_event_invoke_config().function_name(name).send().await {
        known(error.code());
    }
    client.get_function_concurrency().function_name(name).send().await.expect("concurrency");
    let signing =
        client.get_function_code_signing_config().function_name(name).send().await.expect("signing");
    let signer = signing.code_signing_config_arn;
    if !signer.is_empty() {
        client.get_code_signing_config().code_signing_config_arn(signer).send().await.expect("configuration");
    }
    client.get_runtime_management_config().function_name(name).send().await.expect("runtime updates");
    client.get_function_recursion_config().function_name(name).send().await.expect("recursion");
    client.list_event_source_mappings().function_name(name).send().await.expect("event sources");
    client.list_aliases().function_name(name).send().await.expect("aliases");
    client.list_tags().resource(arn).send().await.expect("tags");
}

#[tokio::test]
async fn every_call_on_a_function_is_read_by_the_sdk() {
    let cloud = cloud(1_600).await;
    let client = aws_sdk_lambda::Client::new(&config(&cloud, 0, "eu-west-1", "sample").await);
    let (mut urls, mut policies, mut refused, mut secrets) = (0, 0, 0, 0);
    for function in functions(&cloud, 0, "eu-west-1").await {
        let name = function.function_name().expect("a name");
        refused += usize::from(!whole_agrees(&client, &function).await);
        match client.get_policy().function_name(name).send().await {
            Ok(found) => {
                let text = found.policy.expect("a policy");
                let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                assert!(document["Statement"].as_array().is_some_and(|list| !list.is_empty()));
                policies += 1;
            }
            Err(error) => known(error.code()),
        }
        match client.get_function_url_config().function_name(name).send().await {
            Ok(_) => urls += 1,
            Err(error) => known(error.code()),
        }
        settings_are_read(&client, name, function.function_arn().expect("an ARN")).await;
        let variables = function.environment.and_then(|one| one.variables).unwrap_or_default();
        secrets += usize::from(variables.values().any(|text| text.contains("AKIA") || text.contains("ghp_")));
    }
    assert!(urls > 2 && policies > 10 && refused > 0 && secrets > 0, "{urls} {policies} {refused} {secrets}");
    client.get_account_settings().send().await.expect("account settings");
}

#[tokio::test]
async fn a_wrong_key_and_a_forbidden_region_are_refused_as_the_service_does() {
    let cloud = cloud(100).await;
    let wrong = aws_sdk_lambda::Client::new(&config(&cloud, 0, "eu-west-1", "AKIAOTHER").await);
    let error = wrong.list_functions().send().await.expect_err("refused");
    assert_eq!(error.code(), Some("UnrecognizedClientException"));
    let forbidden = aws_sdk_lambda::Client::new(&config(&cloud, 0, "sa-east-1", "sample").await);
    let error = forbidden.list_functions().send().await.expect_err("refused");
    assert_eq!(error.code(), Some("AccessDeniedException"));
    let missing = aws_sdk_lambda::Client::new(&config(&cloud, 0, "eu-west-1", "sample").await);
    let error = missing.get_function().function_name("no-such-thing").send().await.expect_err("missing");
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn identity_and_regions_are_told() {
    let cloud = cloud(100).await;
    let config = config(&cloud, 0, "us-east-1", "sample").await;
    let caller = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.expect("an identity");
    assert_eq!(caller.account(), Some("482190361175"));
    let mut pages = aws_sdk_account::Client::new(&config).list_regions().into_paginator().send();
    let mut regions = Vec::new();
    while let Some(page) = pages.next().await {
        regions.extend(
            page.expect("a page").regions.unwrap_or_default().into_iter().filter_map(|one| one.region_name),
        );
    }
    assert_eq!(regions, ["eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2", "sa-east-1"]);
}

#[tokio::test]
async fn every_role_of_a_function_is_listed_with_its_policies() {
    let cloud = cloud(600).await;
    let client = aws_sdk_iam::Client::new(&config(&cloud, 0, "us-east-1", "sample").await);
    let mut pages = client.get_account_authorization_details().into_paginator().send();
    let (mut roles, mut policies) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(&error)));
        roles.extend(page.role_detail_list.unwrap_or_default());
        policies.extend(page.policies.unwrap_or_default());
    }
    assert!(policies.len() >= 16);
    for function in functions(&cloud, 0, "us-east-1").await {
        let wanted = function.role.expect("a role");
        let role = roles.iter().find(|role| role.arn.as_ref() == Some(&wanted)).expect("the role is listed");
        assert!(role.role_policy_list().iter().all(|one| one.policy_document.is_some()));
        for attached in role.attached_managed_policies() {
            assert!(policies.iter().any(|one| one.arn == attached.policy_arn), "{attached:?}");
        }
        let name = role.role_name.clone().expect("a name");
        client.get_role().role_name(&name).send().await.expect("the role");
        match client.list_role_policies().role_name(&name).send().await {
            Ok(inline) => {
                for policy in inline.policy_names() {
                    client
                        .get_role_policy()
                        .role_name(&name)
                        .policy_name(policy)
                        .send()
                        .await
                        .expect("its policy");
                }
                let attached =
                    client.list_attached_role_policies().role_name(&name).send().await.expect("attached");
                for arn in attached.attached_policies().iter().filter_map(|one| one.policy_arn.clone()) {
                    client.get_policy().policy_arn(&arn).send().await.expect("the policy");
                    client
                        .get_policy_version()
                        .policy_arn(&arn)
                        .version_id("v1")
                        .send()
                        .await
                        .expect("its document");
                }
            }
            Err(error) => assert_eq!(error.code(), Some("AccessDenied")),
        }
    }
}

#[tokio::test]
async fn repositories_and_images_are_read_by_the_sdk() {
    let cloud = cloud(2_000).await;
    let client = aws_sdk_ecr::Client::new(&config(&cloud, 0, "eu-west-1", "sample").await);
    let mut pages = client.describe_repositories().max_results(5).into_paginator().send();
    let mut repositories = Vec::new();
    while let Some(page) = pages.next().await {
        repositories.extend(page.expect("a page").repositories.unwrap_or_default());
    }
    assert_eq!(repositories.len(), 48);
    let (mut policies, mut rules) = (0, 0);
    for repository in &repositories {
        let name = repository.repository_name().expect("a name");
        policies += usize::from(client.get_repository_policy().repository_name(name).send().await.is_ok());
        rules += usize::from(client.get_lifecycle_policy().repository_name(name).send().await.is_ok());
        client
            .list_tags_for_resource()
            .resource_arn(repository.repository_arn().expect("an ARN"))
            .send()
            .await
            .expect("tags");
        let mut pages =
            client.describe_images().repository_name(name).max_results(2).into_paginator().items().send();
        let mut tags = Vec::new();
        while let Some(image) = pages.next().await {
            let image = image.expect("an image");
            assert!(image.image_digest().is_some_and(|digest| digest.len() == 71));
            tags.extend(image.image_tags.unwrap_or_default());
        }
        assert_eq!(tags.iter().filter(|tag| *tag == "latest").count(), 1);
        client
            .batch_get_repository_scanning_configuration()
            .repository_names(name)
            .send()
            .await
            .expect("scanning");
    }
    assert!(policies > 0 && policies < repositories.len() && rules > 0 && rules < repositories.len());
    client.describe_registry().send().await.expect("the registry");
    client.get_registry_scanning_configuration().send().await.expect("registry scanning");
}

#[tokio::test]
async fn metrics_come_in_the_wire_form_the_sdk_speaks() {
    use aws_sdk_cloudwatch::primitives::DateTime;
    use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
    let cloud = cloud(600).await;
    let client = aws_sdk_cloudwatch::Client::new(&config(&cloud, 0, "eu-west-1", "sample").await);
    let names: Vec<String> =
        functions(&cloud, 0, "eu-west-1").await.into_iter().filter_map(|one| one.function_name).collect();
    let query = |index: usize, name: &String| {
        let dimension = Dimension::builder().name("FunctionName").value(name).build();
        let metric = Metric::builder()
            .namespace("AWS/Lambda")
            .metric_name("Invocations")
            .dimensions(dimension)
            .build();
        let stat = MetricStat::builder().metric(metric).period(1_209_600).stat("Sum").build();
        MetricDataQuery::builder().id(format!("q{index}")).metric_stat(stat).build()
    };
    let answer = client
        .get_metric_data()
        .start_time(DateTime::from_secs(1_794_000_000 - 1_209_600))
        .end_time(DateTime::from_secs(1_794_000_000))
        .set_metric_data_queries(Some(
            names.iter().enumerate().map(|(index, name)| query(index, name)).collect(),
        ))
        .send()
        .await
        .unwrap_or_else(|error| panic!("{}", DisplayErrorContext(&error)));
    assert_eq!(answer.metric_data_results().len(), names.len());
    let asleep = answer.metric_data_results().iter().filter(|one| one.values().is_empty()).count();
    assert!(asleep > 0 && asleep * 4 < names.len(), "{asleep} of {}", names.len());
    assert!(answer.metric_data_results().iter().all(|one| one.timestamps().len() == one.values().len()));
}
