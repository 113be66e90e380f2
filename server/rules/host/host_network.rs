//! HST-03.

use super::control;

control! {
    /// It uses the network of its host.
    ///
    /// ## Why it matters
    /// In the host's network a container listens on the host's addresses, reaches what only the host
    /// should (the metadata service, local daemons) and walks past every network policy.
    ///
    /// ## What to do
    /// Give it a network of its own and publish the ports it needs. Functions get theirs from the provider.
    pub HOST_NETWORK
    code: "HST-03", area: Host, severity: High, since: "0.1.0",
    frameworks: [
        CisDocker("5.10"), CisKubernetes("5.2.5"), SecurityHub("ECS.1"), Trivy("KSV-0009"), Kubescape("C-0041"),
        Prowler("ecs_task_definitions_host_networking_mode_users"),
    ],
    function: provider("the provider gives each function a network of its own"),
    repository: absent("a repository runs nothing"),
    image: absent("the network is chosen where an image runs"),
    workload: not_yet("task and pod definitions come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running containers come with the Docker collector"),
}
