//! The public lists whose entries ask the same as a control.

/// An entry of a public list that asks the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framework {
    /// OWASP Serverless Top 10 (2018 interpretation): `S5`, `DoW`.
    Owasp(&'static str),
    /// NIST SP 800-190 countermeasure: `4.1.1`.
    Nist80019(&'static str),
    /// CIS AWS Compute Services 1.0.0: `4.6`.
    CisAwsCompute(&'static str),
    /// CIS Azure Foundations 3.0.0, section 9: `9.1`.
    CisAzure(&'static str),
    /// CIS Docker 1.6: `4.1`.
    CisDocker(&'static str),
    /// CIS Kubernetes 1.12: `5.1.1`.
    CisKubernetes(&'static str),
    /// AWS Security Hub control: `Lambda.1`.
    SecurityHub(&'static str),
    /// AWS Config rule.
    AwsConfig(&'static str),
    /// Azure Policy built-in definition.
    AzurePolicy(&'static str),
    /// Defender for Cloud recommendation, in short.
    Defender(&'static str),
    /// Prowler check.
    Prowler(&'static str),
    /// CloudSploit plugin.
    CloudSploit(&'static str),
    /// Trivy check.
    Trivy(&'static str),
    /// Kubescape control.
    Kubescape(&'static str),
    /// Steampipe control.
    Steampipe(&'static str),
}

impl Framework {
    /// The list's name and the entry in it.
    pub const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Owasp(entry) => ("OWASP Serverless", entry),
            Self::Nist80019(entry) => ("NIST SP 800-190", entry),
            Self::CisAwsCompute(entry) => ("CIS AWS Compute", entry),
            Self::CisAzure(entry) => ("CIS Azure", entry),
            Self::CisDocker(entry) => ("CIS Docker", entry),
            Self::CisKubernetes(entry) => ("CIS Kubernetes", entry),
            Self::SecurityHub(entry) => ("Security Hub", entry),
            Self::AwsConfig(entry) => ("AWS Config", entry),
            Self::AzurePolicy(entry) => ("Azure Policy", entry),
            Self::Defender(entry) => ("Defender for Cloud", entry),
            Self::Prowler(entry) => ("Prowler", entry),
            Self::CloudSploit(entry) => ("CloudSploit", entry),
            Self::Trivy(entry) => ("Trivy", entry),
            Self::Kubescape(entry) => ("Kubescape", entry),
            Self::Steampipe(entry) => ("Steampipe", entry),
        }
    }
}
