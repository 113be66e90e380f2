//! The program: reads the command line and hands over to a subcommand.

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    parallax::cli::run(parallax::cli::Cli::parse()).await
}
