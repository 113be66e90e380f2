//! Language stacks of Azure Functions.

use super::{lookup, lookup_version};
use crate::model::{EndOfLife, Runtime};

/// The managed stack named by a site's configuration: `Python|3.9`, `DOTNET-ISOLATED|8.0`,
/// `Node|~18`, `v6.0` (a .NET Framework version setting). None where it names a container or
/// nothing.
pub fn azure_stack(spelling: &str) -> Option<Runtime> {
    let text = spelling.trim();
    if text.is_empty() {
        return None;
    }
    let end_of_life = match text.split_once('|') {
        Some((name, version)) => stack(&name.to_ascii_lowercase(), version)?,
        None if text.starts_with(['v', 'V']) => dotnet_setting(text),
        None => EndOfLife::NotListed,
    };
    Some(Runtime { label: text.to_owned(), end_of_life })
}

fn stack(name: &str, version: &str) -> Option<EndOfLife> {
    let version = version.trim().trim_start_matches('~').to_ascii_lowercase();
    let version = version.trim_end_matches("-lts");
    Some(match name {
        "docker" | "compose" | "kube" | "sitecontainers" => return None,
        "python" => lookup_version("python", version),
        "node" => lookup_version("nodejs", version),
        "dotnet" | "dotnet-isolated" | "dotnetcore" => dotnet(version),
        "powershell" | "powershell-core" => lookup_version("powershell", version),
        "java" => java(version),
        "php" => lookup_version("php", version),
        "go" | "golang" => lookup_version("go", version),
        _ => EndOfLife::NotListed,
    })
}

/// `8.0`, `8`, `3.1`: the table says `8` from the fifth major on, and `3.1` before. There is no .NET 4;
/// `4.0` stands for .NET Framework 4.8.
fn dotnet(version: &str) -> EndOfLife {
    if version.starts_with('4') { lookup("dotnetfx", "4.8") } else { lookup_version("dotnet", version) }
}

/// `8`, `11`, `1.8`, `17-java17`.
fn java(version: &str) -> EndOfLife {
    let version = version.strip_prefix("1.").unwrap_or(version);
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    lookup("eclipse-temurin", &major)
}

/// `netFrameworkVersion`: `v4.0` stands for .NET Framework 4.8, `v6.0` and later for .NET itself.
fn dotnet_setting(setting: &str) -> EndOfLife {
    match setting.trim_start_matches(['v', 'V']) {
        "2.0" => EndOfLife::Ended,
        version => dotnet(version),
    }
}
