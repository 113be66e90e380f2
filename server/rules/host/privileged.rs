//! HST-01.

use super::control;

control! {
    /// It runs privileged.
    ///
    /// ## Why it matters
    /// A privileged container is a process on the host with a different view of the file system: it may
    /// load kernel modules, read every disk and start what it likes. There is no isolation left to break.
    ///
    /// ## What to do
    /// Remove the flag and add the one capability or device that was missing. What needs the whole host
    /// belongs in the host's own configuration. Functions have no such mode.
    pub PRIVILEGED
    code: "HST-01", area: Host, severity: Critical, since: "0.1.0",
    frameworks: [
        Nist80019("4.4.3"), CisDocker("5.5"), CisKubernetes("5.2.2"), SecurityHub("ECS.4"), Trivy("KSV-0017"),
        Prowler("ecs_task_definitions_no_privileged_containers"), Kubescape("C-0057"),
    ],
    function: provider("the provider's sandbox knows no privileged mode"),
    repository: absent("a repository runs nothing"),
    image: absent("privilege is given where an image runs, not in it"),
    workload: not_yet("task and pod definitions come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running containers come with the Docker collector"),
}
