//! What is tried in one region: the lists, and then everything about one function and one repository.

use aws_config::SdkConfig;
use aws_sdk_ecr::types::Repository;
use aws_sdk_lambda::types::FunctionConfiguration;

use super::caller::is_denial;
use super::normalise::TAGS;
use super::probe::tried;
use super::{aliases, ecr, failures, lambda, metrics, roles, signing, trail, urls};
use crate::model::Try;

/// What the lists of one region gave.
pub struct Lists {
    config: SdkConfig,
    /// How they went.
    pub tries: Vec<Try>,
    function: Option<FunctionConfiguration>,
    repository: Option<Repository>,
}

impl Lists {
    /// Reads the first row of each list.
    pub async fn read(config: SdkConfig, region: String) -> Self {
        let region = region.as_str();
        let lambda_client = aws_sdk_lambda::Client::new(&config);
        let ecr_client = aws_sdk_ecr::Client::new(&config);
        let history_client = aws_sdk_cloudtrail::Client::new(&config);
        let (functions, mappings, metric, history, repositories, scanning) = tokio::join!(
            tried(lambda::LIST, region, lambda_client.list_functions().max_items(1).send()),
            tried(lambda::MAPPINGS, region, lambda_client.list_event_source_mappings().max_items(1).send()),
            tried(metrics::DATA, region, metrics::one(&aws_sdk_cloudwatch::Client::new(&config))),
            tried(trail::LOOKUP, region, trail::one(&history_client)),
            tried(ecr::LIST, region, ecr_client.describe_repositories().max_results(1).send()),
            tried(ecr::SCANNING, region, ecr_client.get_registry_scanning_configuration().send()),
        );
        Self {
            tries: vec![functions.0, mappings.0, metric.0, history.0, repositories.0, scanning.0],
            function: functions.1.and_then(|page| page.functions).and_then(|all| all.into_iter().next()),
            repository: repositories
                .1
                .and_then(|page| page.repositories)
                .and_then(|all| all.into_iter().next()),
            config,
        }
    }
}

/// Everything that is asked about a function, on the first there is.
pub async fn function(lists: &[Lists]) -> Vec<Try> {
    let first = lists.iter().find_map(|one| Some((&one.config, one.function.as_ref()?)));
    let Some((config, function)) = first else {
        let calls = [lambda::FUNCTION, TAGS, aliases::ALIASES, urls::POLICY, urls::URLS, urls::URL];
        let more = [
            failures::ASYNC,
            signing::SIGNING,
            lambda::UPDATES,
            lambda::RECURSION,
            roles::ROLE,
            roles::ATTACHED,
            roles::INLINE,
        ];
        return calls.iter().chain(&more).map(|one| Try::untried(one.call, "there is no function")).collect();
    };
    let client = aws_sdk_lambda::Client::new(config);
    let name = function.function_name().unwrap_or_default();
    let (whole, named, policy, listed, url, asynchronous, signing, updates, recursion) = tokio::join!(
        tried(lambda::FUNCTION, name, client.get_function().function_name(name).send()),
        tried(aliases::ALIASES, name, client.list_aliases().function_name(name).send()),
        tried(urls::POLICY, name, client.get_policy().function_name(name).send()),
        tried(urls::URLS, name, client.list_function_url_configs().function_name(name).send()),
        tried(urls::URL, name, client.get_function_url_config().function_name(name).send()),
        tried(failures::ASYNC, name, client.get_function_event_invoke_config().function_name(name).send()),
        tried(signing::SIGNING, name, client.get_function_code_signing_config().function_name(name).send()),
        tried(lambda::UPDATES, name, client.get_runtime_management_config().function_name(name).send()),
        tried(lambda::RECURSION, name, client.get_function_recursion_config().function_name(name).send()),
    );
    let tags = match whole.1.map(|answer| answer.tags_error) {
        None => Try::untried(TAGS.call, "the function could not be read"),
        Some(None) => Try::works(TAGS.call, name, "answered"),
        Some(Some(error)) if is_denial(&error.error_code) => {
            Try::denied(TAGS.call, name, error.error_code, TAGS.call)
        }
        Some(Some(error)) => Try::failed(TAGS.call, name, error.error_code),
    };
    let mut tries = vec![whole.0, tags, named.0, policy.0, listed.0, url.0];
    tries.extend([asynchronous.0, signing.0, updates.0, recursion.0]);
    tries.extend(Box::pin(role(config, function.role().unwrap_or_default())).await);
    tries
}

async fn role(config: &SdkConfig, arn: &str) -> Vec<Try> {
    let client = aws_sdk_iam::Client::new(config);
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let (role, attached, inline) = tokio::join!(
        tried(roles::ROLE, name, client.get_role().role_name(name).send()),
        tried(roles::ATTACHED, name, client.list_attached_role_policies().role_name(name).send()),
        tried(roles::INLINE, name, client.list_role_policies().role_name(name).send()),
    );
    let managed = attached.1.as_ref().and_then(|one| one.attached_policies().first()?.policy_arn());
    let policy = inline.1.as_ref().and_then(|one| one.policy_names().first());
    let mut tries = vec![role.0, attached.0, inline.0];
    match policy {
        Some(policy) => {
            let send = client.get_role_policy().role_name(name).policy_name(policy).send();
            tries.push(tried(roles::INLINE_TEXT, name, send).await.0);
        }
        None => tries.push(Try::untried(roles::INLINE_TEXT.call, "the role has no inline policy")),
    }
    let Some(managed) = managed else {
        let calls = [roles::MANAGED, roles::MANAGED_TEXT];
        tries.extend(calls.map(|one| Try::untried(one.call, "the role has no managed policy")));
        return tries;
    };
    let (told, answer) = tried(roles::MANAGED, managed, client.get_policy().policy_arn(managed).send()).await;
    tries.push(told);
    let version = answer.and_then(|one| one.policy).and_then(|one| one.default_version_id);
    let version = version.unwrap_or_else(|| "v1".into());
    let send = client.get_policy_version().policy_arn(managed).version_id(version).send();
    tries.push(tried(roles::MANAGED_TEXT, managed, send).await.0);
    tries
}

/// Everything that is asked about a repository, on the first there is.
pub async fn repository(lists: &[Lists]) -> Vec<Try> {
    let first = lists.iter().find_map(|one| Some((&one.config, one.repository.as_ref()?)));
    let Some((config, repository)) = first else {
        let calls = [ecr::IMAGES, ecr::POLICY, ecr::LIFECYCLE, ecr::TAGS, ecr::MANIFESTS, ecr::ADDRESS];
        return calls.iter().map(|one| Try::untried(one.call, "there is no repository")).collect();
    };
    let client = aws_sdk_ecr::Client::new(config);
    let name = repository.repository_name().unwrap_or_default();
    let arn = repository.repository_arn().unwrap_or_default();
    let (images, policy, lifecycle, tags) = tokio::join!(
        tried(ecr::IMAGES, name, client.describe_images().repository_name(name).max_results(1).send()),
        tried(ecr::POLICY, name, client.get_repository_policy().repository_name(name).send()),
        tried(ecr::LIFECYCLE, name, client.get_lifecycle_policy().repository_name(name).send()),
        tried(ecr::TAGS, name, client.list_tags_for_resource().resource_arn(arn).send()),
    );
    let digest = images.1.and_then(|page| page.image_details?.into_iter().next()?.image_digest);
    let mut tries = vec![images.0, policy.0, lifecycle.0, tags.0];
    tries.extend(ecr::try_contents(&client, name, digest.as_deref()).await);
    tries
}
