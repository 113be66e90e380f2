//! API-12.

use super::{Context, control, known};
use crate::model::{FunctionFacts, ImageFacts, Outcome, Severity};

control! {
    /// A debugger can attach from outside.
    ///
    /// ## Why it matters
    /// A debugger reads memory, changes variables and runs code as the process it holds. Left on after a
    /// long evening it is a remote shell that asks for nothing the attacker lacks.
    ///
    /// ## What to do
    /// Azure: switch remote debugging off; it is meant for hours, not for production. Images: build the
    /// release stage without debug ports and flags (`EXPOSE 9229`, `-agentlib:jdwp`, `--inspect`).
    pub REMOTE_DEBUGGING
    code: "API-12", area: Api, severity: High, since: "0.1.0",
    frameworks: [
        Owasp("S6"), CloudSploit("remoteDebuggingDisabled"),
        AzurePolicy("AppService_DisableRemoteDebugging_FunctionApp_Audit"),
        Steampipe("appservice_function_app_remote_debugging_disabled"),
    ],
    function: check(function),
    repository: absent("a repository runs nothing that could be debugged"),
    image: check(image),
    workload: not_yet("ports of tasks and pods come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    absent function "Lambda" => "{}",
    fail function on FunctionsDedicated "on" => r#"{ "remote_debugging": true }"#,
    pass function on FunctionsDedicated "off" => r#"{ "remote_debugging": false }"#,
    unknown function on FunctionsPremium "not read" => r#"{ "remote_debugging": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/read" } }"#,
    fail image "Node inspector" => r#"{ "exposed_ports": ["8080/tcp", "9229/tcp"] }"#,
    pass image "service port alone" => r#"{ "exposed_ports": ["8080/tcp"] }"#,
    unknown image "config not readable" => r#"{ "exposed_ports": { "unknown": "blob not found" } }"#,
}

/// Ports on which debuggers listen by habit.
const DEBUG_PORTS: &[(&str, &str)] = &[
    ("2345", "Delve"),
    ("4022", "Visual Studio"),
    ("4024", "Visual Studio"),
    ("5005", "Java debug wire"),
    ("5678", "debugpy"),
    ("9229", "Node inspector"),
];

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::absent("Lambda lets no debugger in from outside");
    }
    if *known!(facts.remote_debugging) {
        Outcome::fail("remote debugging is switched on").because("remote_debugging", "true")
    } else {
        Outcome::pass("remote debugging is switched off").because("remote_debugging", "false")
    }
}

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    let ports = known!(facts.exposed_ports);
    let debug = ports.iter().find_map(|port| {
        let number = port.split('/').next()?;
        DEBUG_PORTS.iter().find(|(one, _)| *one == number)
    });
    match debug {
        Some((port, tool)) => Outcome::fail("the image declares a debugger's port")
            .because("exposed_ports", format_args!("{port} ({tool})"))
            .at(Severity::Medium),
        None => Outcome::pass("the image declares no debugger's port").at(Severity::Medium),
    }
}
