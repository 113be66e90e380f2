//! What this process has used so far: processor time and memory at its peak.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// Processor time used, in user mode and in the kernel.
pub fn processor() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    length(usage.user_time()) + length(usage.system_time())
}

/// What programs we started and waited for have used.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Processor time of all of them.
    pub processor: Duration,
    /// Most memory that one of them held, in MB.
    pub peak_mb: f64,
}

/// What the programs we started have used, once they have ended.
pub fn of_children() -> Used {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return Used { processor: Duration::ZERO, peak_mb: 0.0 };
    };
    let processor = length(usage.user_time()) + length(usage.system_time());
    Used { processor, peak_mb: usage.max_rss() as f64 / 1024.0 }
}

fn length(value: TimeVal) -> Duration {
    let micros = value.tv_sec() * 1_000_000 + value.tv_usec();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// Memory another process holds now, in MB; 0 where it is gone.
pub fn held_mb(process: u32) -> f64 {
    field(&format!("/proc/{process}/status"), "VmRSS:")
}

/// Most memory this process ever held, in MB.
pub fn peak_mb() -> f64 {
    field("/proc/self/status", "VmHWM:")
}

fn field(file: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_was_used() {
        assert!(peak_mb() > 1.0);
        assert!(processor() > Duration::ZERO);
    }
}
