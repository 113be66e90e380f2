//! The macros that declare a control and read a fact. They hold no logic of their own.

/// Takes the value of a fact, or returns *unknown* from the reading with the fact's reason.
///
/// `let runtime = known!(facts.runtime);`
macro_rules! known {
    ($facts:ident . $field:ident) => {
        match &$facts.$field {
            $crate::model::Fact::Known(value) => value,
            $crate::model::Fact::Unknown(why) => {
                return $crate::model::Outcome::not_known(stringify!($field), why);
            }
        }
    };
}
pub(crate) use known;

/// Declares one control: prose, metadata, readings and examples in one place.
///
/// An example is `verdict kind "what it shows" => r#"{ facts }"#`; between kind and name it may say
/// `on Platform`, `in "region"` and `seen hours` (ago, where the asset is read every six hours).
macro_rules! control {
    (
        $(#[doc = $prose:literal])*
        pub $name:ident
        code: $code:literal, area: $area:ident, severity: $severity:ident, since: $since:literal,
        frameworks: [$($framework:ident($entry:literal)),* $(,)?],
        function: $function:ident($function_arg:expr),
        repository: $repository:ident($repository_arg:expr),
        image: $image:ident($image_arg:expr),
        workload: $workload:ident($workload_arg:expr),
        cluster: $cluster:ident($cluster_arg:expr),
        host: $host:ident($host_arg:expr),
        $($verdict:ident $kind:ident $(on $platform:ident)? $(in $region:literal)? $(seen $hours:literal)?
            $vector:literal => $facts:literal,)*
    ) => {
        $(#[doc = $prose])*
        pub static $name: $crate::rules::Control = $crate::rules::Control {
            code: $code,
            area: $crate::model::Area::$area,
            severity: $crate::model::Severity::$severity,
            since: $since,
            prose: concat!($($prose, "\n"),*),
            frameworks: &[$($crate::rules::Framework::$framework($entry)),*],
            readings: $crate::rules::Readings {
                function: $crate::rules::declare::reading!($function, $function_arg),
                repository: $crate::rules::declare::reading!($repository, $repository_arg),
                image: $crate::rules::declare::reading!($image, $image_arg),
                workload: $crate::rules::declare::reading!($workload, $workload_arg),
                cluster: $crate::rules::declare::reading!($cluster, $cluster_arg),
                host: $crate::rules::declare::reading!($host, $host_arg),
            },
            vectors: &[$($crate::rules::Vector {
                verdict: $crate::rules::declare::verdict!($verdict),
                kind: $crate::rules::declare::kind!($kind),
                platform: $crate::rules::declare::platform!($($platform)?),
                region: $crate::rules::declare::optional!($($region)?),
                seen_hours_ago: $crate::rules::declare::optional!($($hours)?),
                name: $vector,
                facts: $facts,
            }),*],
        };
    };
}
pub(crate) use control;

macro_rules! reading {
    (check, $check:expr) => {
        $crate::rules::Reading::Check($check)
    };
    (provider, $why:expr) => {
        $crate::rules::Reading::Provider($why)
    };
    (absent, $why:expr) => {
        $crate::rules::Reading::Absent($why)
    };
    (not_yet, $why:expr) => {
        $crate::rules::Reading::NotYet($why)
    };
}
pub(crate) use reading;

macro_rules! verdict {
    (fail) => {
        $crate::model::Verdict::Fail
    };
    (pass) => {
        $crate::model::Verdict::Pass
    };
    (unknown) => {
        $crate::model::Verdict::Unknown
    };
    (provider) => {
        $crate::model::Verdict::Provider
    };
    (absent) => {
        $crate::model::Verdict::Absent
    };
    (not_yet) => {
        $crate::model::Verdict::NotYet
    };
}
pub(crate) use verdict;

macro_rules! kind {
    (function) => {
        $crate::model::Kind::Function
    };
    (repository) => {
        $crate::model::Kind::Repository
    };
    (image) => {
        $crate::model::Kind::Image
    };
}
pub(crate) use kind;

macro_rules! platform {
    () => {
        None
    };
    ($platform:ident) => {
        Some($crate::model::Platform::$platform)
    };
}
pub(crate) use platform;

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}
pub(crate) use optional;
