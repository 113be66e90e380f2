//! The closed lists: areas, families, kinds, providers, platforms, severities.
//!
//! Each has one spelling, used alike in code, SQL, URLs, pages and the API.

/// Declares a closed list with its one spelling and its name for people.
macro_rules! closed_list {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal, $label:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $code)] $variant,)* }

        impl $name {
            /// Every member, in display order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The spelling used in SQL, URLs and the API.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name shown to people.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|one| one.code() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|one| one.code()).collect();
                    format!("{text:?} is not one of {}", known.join(", "))
                })
            }
        }
    };
}
pub(crate) use closed_list;

closed_list! {
    /// The seven areas of a security strategy, and operations beside them.
    pub enum Area {
        /// BAS
        Baseline = "BAS", "Dynamic baselining";
        /// DEP
        Dependencies = "DEP", "Dependencies";
        /// ACC
        Access = "ACC", "Access control";
        /// API
        Api = "API", "API security";
        /// HST
        Host = "HST", "Host environment";
        /// RES
        Resources = "RES", "Resource consumption";
        /// FRM
        Frameworks = "FRM", "Frameworks and placement";
        /// OPS
        Operations = "OPS", "Operations";
    }
}

impl Area {
    /// The area of a control, by the letters its code opens with.
    pub fn of_control(code: &str) -> Option<Self> {
        code.split('-').next()?.parse().ok()
    }
}

closed_list! {
    /// The two standpoints.
    pub enum Family {
        /// Functions run by a provider.
        Serverless = "serverless", "Serverless";
        /// Images, what holds them and what runs them.
        Container = "container", "Containers";
    }
}

closed_list! {
    /// Kinds of asset. Each control has one reading a kind.
    pub enum Kind {
        /// A function (AWS) or a function app (Azure).
        Function = "function", "Function";
        /// A container repository, or a registry where settings are registry-wide.
        Repository = "repository", "Repository";
        /// One image, by digest.
        Image = "image", "Image";
        /// A running set of containers: a service, a deployment.
        Workload = "workload", "Workload";
        /// An orchestrator.
        Cluster = "cluster", "Cluster";
        /// A machine with a container engine.
        Host = "host", "Host";
    }
}

impl Kind {
    /// The family the kind belongs to.
    pub const fn family(self) -> Family {
        match self {
            Self::Function => Family::Serverless,
            _ => Family::Container,
        }
    }
}

closed_list! {
    /// Who runs the source.
    pub enum Provider {
        /// Amazon Web Services.
        Aws = "aws", "AWS";
        /// Microsoft Azure.
        Azure = "azure", "Azure";
        /// A registry that speaks the OCI distribution API.
        Registry = "registry", "Registry";
    }
}

closed_list! {
    /// What an asset runs on. It decides what the provider carries.
    pub enum Platform {
        /// Lambda, code as an archive on a managed runtime.
        LambdaZip = "lambda-zip", "Lambda (zip)";
        /// Lambda, code as a container image: the image is yours.
        LambdaImage = "lambda-image", "Lambda (image)";
        /// Azure Functions, Consumption plan.
        FunctionsConsumption = "functions-consumption", "Functions Consumption";
        /// Azure Functions, Flex Consumption plan.
        FunctionsFlex = "functions-flex", "Functions Flex";
        /// Azure Functions, Elastic Premium plan.
        FunctionsPremium = "functions-premium", "Functions Premium";
        /// Azure Functions on a dedicated App Service plan.
        FunctionsDedicated = "functions-dedicated", "Functions Dedicated";
        /// Azure Functions running a container of yours, whatever the plan.
        FunctionsContainer = "functions-container", "Functions (container)";
        /// A repository of Amazon ECR.
        Ecr = "ecr", "Amazon ECR";
        /// An Azure container registry.
        Acr = "acr", "Azure Container Registry";
        /// A repository on any other registry.
        Oci = "oci", "OCI registry";
        /// An image in a registry.
        OciImage = "oci-image", "OCI image";
        /// ECS on Fargate.
        Fargate = "fargate", "Fargate";
        /// ECS on EC2 instances.
        EcsEc2 = "ecs-ec2", "ECS on EC2";
        /// Kubernetes.
        Kubernetes = "kubernetes", "Kubernetes";
        /// A Docker host.
        DockerHost = "docker-host", "Docker host";
    }
}

impl Platform {
    /// AWS Lambda in either package form.
    pub const fn is_lambda(self) -> bool {
        matches!(self, Self::LambdaZip | Self::LambdaImage)
    }

    /// A function whose code is a container image, so that the image's readings apply to it too.
    pub const fn runs_an_image(self) -> bool {
        matches!(self, Self::LambdaImage | Self::FunctionsContainer)
    }
}

closed_list! {
    /// How bad a failing verdict is. Ordered from worst to mildest.
    pub enum Severity {
        /// Weight 40; an open one caps the asset's score at 39.
        Critical = "critical", "Critical";
        /// Weight 20; an open one caps the asset's score at 69.
        High = "high", "High";
        /// Weight 8.
        Medium = "medium", "Medium";
        /// Weight 3.
        Low = "low", "Low";
        /// Weight 0: a statement.
        Info = "info", "Info";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_reads_back_and_a_wrong_one_names_the_choices() {
        for area in Area::ALL {
            assert_eq!(area.code().parse::<Area>().as_ref(), Ok(area));
        }
        let message = "wat".parse::<Family>().expect_err("not a family");
        assert_eq!(message, r#""wat" is not one of serverless, container"#);
    }
}
