//! HST-09.

use super::control;

control! {
    /// It mounts folders of its host.
    ///
    /// ## Why it matters
    /// A mounted host folder is a door through the wall: write access to the right one (the engine's
    /// socket, `/etc`, a kubelet's folder) is control of the host.
    ///
    /// ## What to do
    /// Use volumes that belong to the workload. Where a host folder is needed, mount the one file,
    /// read-only. Functions see no folder of their host.
    pub HOST_PATHS
    code: "HST-09", area: Host, severity: High, since: "0.1.0",
    frameworks: [
        Nist80019("4.5.5"), CisDocker("5.6"), CisKubernetes("5.2.11"), Trivy("KSV-0023"), Kubescape("C-0048"),
        Prowler("core_minimize_hostpath_volume_mounts"),
    ],
    function: provider("a function sees no folder of its host"),
    repository: absent("a repository runs nothing"),
    image: absent("mounts are chosen where an image runs"),
    workload: not_yet("task and pod definitions come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running containers come with the Docker collector"),
}
