//! The integration tests: one binary, one file an area.

mod private_postgres;
