//! HST-06.

use super::control;

control! {
    /// It holds kernel capabilities beyond the usual set.
    ///
    /// ## Why it matters
    /// Each capability is a part of root: `SYS_ADMIN` mounts, `NET_RAW` forges packets, `SYS_PTRACE` reads
    /// other processes. Together they add up to the host.
    ///
    /// ## What to do
    /// Drop all capabilities and add back the one the work fails without. Functions hold none beyond what
    /// the provider's sandbox gives them.
    pub CAPABILITIES
    code: "HST-06", area: Host, severity: High, since: "0.1.0",
    frameworks: [
        CisDocker("5.4"), CisKubernetes("5.2.9"), Trivy("KSV-0022"), Kubescape("C-0046"),
        Prowler("core_minimize_containers_added_capabilities"),
    ],
    function: provider("the provider's sandbox fixes the capabilities"),
    repository: absent("a repository runs nothing"),
    image: absent("capabilities are given where an image runs"),
    workload: not_yet("task and pod definitions come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running containers come with the Docker collector"),
}
