//! The program: reads the command line and hands over to a subcommand.

fn main() {}
