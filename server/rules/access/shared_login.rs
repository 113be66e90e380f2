//! ACC-12.

use super::{Context, control, known};
use crate::model::{Outcome, Platform, RepositoryFacts};

control! {
    /// A shared administrator account can log in to the registry.
    ///
    /// ## Why it matters
    /// Its password is the same for everyone, never expires and may do everything: push over a release,
    /// delete it, read the rest. The log says "admin", never who.
    ///
    /// ## What to do
    /// Switch the admin user off (`az acr update --admin-enabled false`) after moving its users to
    /// identities with the AcrPull or AcrPush role, or to scoped repository tokens.
    pub SHARED_LOGIN
    code: "ACC-12", area: Access, severity: High, since: "0.1.0",
    frameworks: [
        Nist80019("4.2.3"), Prowler("containerregistry_admin_user_disabled"), CloudSploit("acrAdminUser"),
        Steampipe("container_registry_admin_user_disabled"),
    ],
    function: absent("nobody logs in to a function; publishing passwords are asked of separately"),
    repository: check(repository),
    image: absent("who may pull an image is decided by its repository"),
    workload: absent("nobody logs in to a workload"),
    cluster: not_yet("local accounts of clusters come with the Kubernetes collector"),
    host: not_yet("accounts of hosts come with the Docker collector"),

    fail repository on Acr "admin user on" => r#"{ "admin_user": true }"#,
    pass repository on Acr "admin user off" => r#"{ "admin_user": false }"#,
    unknown repository on Acr "not read" => r#"{ "admin_user": { "unknown": "AuthorizationFailed", "permission": "Microsoft.ContainerRegistry/registries/read" } }"#,
    absent repository "ECR" => "{}",
    not_yet repository on Oci "self-run" => "{}",
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        Platform::Acr => {}
        Platform::Ecr => return Outcome::absent("ECR has no accounts; each login is an IAM identity's"),
        _ => return Outcome::not_yet("the registry's API does not tell its accounts"),
    }
    if *known!(facts.admin_user) {
        Outcome::fail("the registry's admin user can log in").because("admin_user", "enabled")
    } else {
        Outcome::pass("the registry's admin user is switched off").because("admin_user", "disabled")
    }
}
