//! HST-02.

use super::control;

control! {
    /// It shares the process or message space of its host.
    ///
    /// ## Why it matters
    /// In the host's process space a container sees every other process, reads their environment and can
    /// signal them. Shared memory and message queues join what should be apart.
    ///
    /// ## What to do
    /// Remove `pid: host`, `ipc: host` and their kin. A tool that watches the host runs better as a part of
    /// the host. Functions each have a space of their own from the provider.
    pub HOST_NAMESPACES
    code: "HST-02", area: Host, severity: High, since: "0.1.0",
    frameworks: [
        CisDocker("5.16"), CisKubernetes("5.2.3"), SecurityHub("ECS.3"), Trivy("KSV-0010"), Kubescape("C-0038"),
        Prowler("ecs_task_definitions_host_namespace_not_shared"),
    ],
    function: provider("the provider gives each function a sandbox of its own"),
    repository: absent("a repository runs nothing"),
    image: absent("namespaces are chosen where an image runs"),
    workload: not_yet("task and pod definitions come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running containers come with the Docker collector"),
}
