//! `parallax bench`: measures what is promised.

use std::process::ExitCode;

use crate::app::now;
use crate::bench::{self, BenchArgs};

/// Measures: 0 where every bound was kept, 1 where one was missed, 2 where nothing could be measured.
pub async fn run(arguments: BenchArgs) -> ExitCode {
    match bench::run(arguments, now).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("parallax: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                eprintln!("  {inner}");
                cause = inner.source();
            }
            ExitCode::from(2)
        }
    }
}
