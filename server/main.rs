//! The program: reads the command line and hands over to a subcommand.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    parallax::cli::run(parallax::cli::Cli::parse()).await
}
